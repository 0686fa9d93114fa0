/** The engine, and what pages make of its answers, for Python's tests and benchmark: `node under_node.js < requests.json` answers a list of
 * requests with a list, both JSON. */

import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { atOnce, decode } from "./engine/decoding.js";
import { openModel } from "./engine/model.js";
import { textOf, tokenIds, vocabularyOf, wholeCharacters } from "./engine/pieces.js";
import { encodeText, goOn, readText, spelledText } from "./engine/reading.js";
import { readSafetensors } from "./engine/safetensors.js";
import { openTokenizer } from "./engine/tokenizer.js";
import { viewOf as textView } from "./tokens/own_view.js";
import { uniforms } from "./engine/uniforms.js";

/** @param {string} path */
const json = async (path) => JSON.parse(await readFile(path, "utf8"));

/**
 * @param {string} folder
 * @param {{ vocabulary?: number, plainly?: boolean }} options
 */
async function open(folder, { vocabulary, plainly }) {
  const [config, file] = await Promise.all([
    json(`${folder}/config.json`),
    readFile(`${folder}/model.safetensors`),
  ]);
  return openModel(config, readSafetensors(new Uint8Array(file).buffer), { vocabulary, plainly });
}

/** @type {Record<string, (request: any) => Promise<unknown>>} */
const ANSWERS = {
  uniforms: async ({ seed, positions }) => [...uniforms(seed, positions)],
  async encode({ tokenizer, texts }) {
    const { encode, decode: spell } = openTokenizer(await json(tokenizer));
    const ids = texts.map(encode);
    return { ids, texts: ids.map(spell) };
  },
  async words({ tokenizer, trace }) {
    const opened = openTokenizer(await json(tokenizer));
    return {
      vocabulary: vocabularyOf(opened, tokenIds(trace)),
      pieces: wholeCharacters(opened, textOf(trace)),
    };
  },
  async rows({ tokenizer, models, texts, eos, ...options }) {
    const opened = openTokenizer(await json(tokenizer));
    /** @type {Record<string, import("./engine/model.js").Model>} */
    const there = {};
    for (const [name, folder] of Object.entries(models)) there[name] = await open(folder, options);
    return texts.map((/** @type {[string, string, number]} */ [prompt, response, count]) => {
      const given = encodeText(opened, there, prompt, response);
      const whole = response ? given : atOnce(goOn(there.target, given.ids, count, eos));
      return atOnce(readText(there, whole));
    });
  },
  async text_view({ tokenizer, rows, asked }) {
    const opened = openTokenizer(await json(tokenizer));
    return textView(spelledText(opened, rows), asked);
  },
  async read({ model, passes, ...options }) {
    const { read } = await open(model, options);
    return passes.map((/** @type {any} */ { ids, position }) =>
      read(ids, position).map((row) => [...row]),
    );
  },
  async decode({ target, draft, requests, ...options }) {
    const [p, q] = await Promise.all([open(target, options), draft && open(draft, options)]);
    return requests.map((/** @type {any} */ request) =>
      atOnce(decode({ target: p, draft: request.decoding.gamma ? q : null, ...request })),
    );
  },
};

const answers = [];
for (const request of JSON.parse(await text(process.stdin))) {
  answers.push(await ANSWERS[request.what](request));
}
process.stdout.write(JSON.stringify(answers));
