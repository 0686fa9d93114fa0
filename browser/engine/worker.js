/** The engine in a worker: the page stays quick, and what takes long can be stopped.
 *
 * One request is worked on at a time; the next wait. Work pauses after every pass, so that a `stop`
 * is heard within milliseconds. */

/** @import { Decoding, Round, Trace } from "../schemas/trace" */
/** @import { Vocabulary } from "../shared/types" */
/** @import { Model } from "./model.js" */
/** @import { Tokenizer } from "./tokenizer.js" */
/** @import { Costs } from "./costs.js" */
/** @import { ReadText } from "./reading.js" */

import { measureCosts } from "./costs.js";
import { decodeAloud, decodeBesidePlain } from "./decoding.js";
import { openModel } from "./model.js";
import { textOf, tokenIds, vocabularyOf, wholeCharacters } from "./pieces.js";
import { encodeText, goOn, readText, spelledText } from "./reading.js";
import { readSafetensors } from "./safetensors.js";
import { openTokenizer } from "./tokenizer.js";

/**
 * @typedef {{ config: any, weights: ArrayBuffer }} Files of a model: `config.json`, `model.safetensors`
 *
 * @typedef {object} Open
 * @property {"open"} what
 * @property {Record<string, Files>} models `target`, and others
 * @property {any} tokenizer the content of `tokenizer.json`, of all
 * @property {number} vocabulary how many token ids, from 0, all share
 * @property {number | null} eos the token that ends a text
 * @property {boolean} [plainly] without SIMD
 *
 * @typedef {{ what: "decode", draft: string, prompt: string, decoding: Decoding, seed: number }} Decode
 * @typedef {Omit<Decode, "what"> & { what: "try" }} Try the same, told round by round
 * @typedef {{ what: "measure", draft: string, gamma: number }} Measure
 * @typedef {{ what: "read", prompt: string, response: string, new_tokens: number }} Read a text; without
 *   a response, with at most so many tokens that the target puts after it
 * @typedef {Open | Decode | Try | Measure | Read} Asked
 *
 * @typedef {{ id: number } & (Asked | { what: "stop" })} Request `stop` names the request to stop
 *
 * @typedef {{ id: number } & (
 *   | { what: "progress", done: number | Spurt | null }
 *   | { what: "done", result: any }
 *   | { what: "stopped" }
 *   | { what: "failed", message: string })} Answer
 *
 * @typedef {object} Decoded
 * @property {Trace} trace
 * @property {Vocabulary} vocabulary of all tokens that it names
 * @property {Record<string, string>} pieces place in the text -> the whole character that its token
 *   is a part of
 *
 * @typedef {object} Spurt what a round added to a text
 * @property {Round} round
 * @property {number} plain_ms of a token of plain decoding, timed after it
 * @property {Vocabulary} vocabulary of the round's tokens
 *
 * @typedef {object} Results by what was asked
 * @property {{ arithmetic: "simd" | "plain" }} open
 * @property {Decoded} decode
 * @property {Trace["stopped"]} try
 * @property {Costs} measure
 * @property {ReadText} read
 *
 * @typedef {object} Port a worker's own scope, or an end of a `MessageChannel`
 * @property {(message: Answer) => void} postMessage
 * @property {((event: MessageEvent<Request>) => void) | null} onmessage
 */

/** @param {Port} port */
export function serve(port) {
  /** @type {Opened | null} */
  let opened = null;
  /** @type {Set<number>} */
  const waiting = new Set();
  let work = Promise.resolve();

  port.onmessage = ({ data }) => {
    if (data.what === "stop") {
      waiting.delete(data.id);
      return;
    }
    waiting.add(data.id);
    work = work.then(() => answer(data.id, data));
  };

  /** @param {number} id
   * @param {Asked} asked
   */
  async function answer(id, asked) {
    try {
      const steps = begin(asked);
      for (;;) {
        if (!waiting.has(id)) return port.postMessage({ id, what: "stopped" });
        const { done, value } = steps.next();
        if (done) return port.postMessage({ id, what: "done", result: value });
        port.postMessage({ id, what: "progress", done: value });
        await nextTask();
      }
    } catch (error) {
      port.postMessage({ id, what: "failed", message: /** @type {Error} */ (error).message });
    } finally {
      waiting.delete(id);
    }
  }

  /** @param {Asked} asked
   * @returns {Generator<number | Spurt | null, Results[keyof Results]>}
   */
  function begin(asked) {
    if (asked.what === "open") return open(asked);
    if (!opened) throw new Error("There are no models yet: open some first.");
    if (asked.what === "read") return read(opened, asked);
    const { target, [asked.draft]: draft } = opened.models;
    if (!draft) throw new Error(`There is no model ${asked.draft} here: open it first.`);
    if (asked.what === "measure") return measureCosts(target, draft, asked.gamma);
    const pair = { ...opened, target, draft };
    return asked.what === "decode" ? decode(pair, asked) : tryOut(pair, asked);
  }

  /** @param {Open} asked
   * @returns {Generator<number, Results["open"]>}
   */
  function* open({ models, tokenizer, eos, vocabulary, plainly }) {
    const encoder = openTokenizer(tokenizer);
    /** @type {Record<string, Model>} */
    const there = {};
    for (const [name, { config, weights }] of Object.entries(models)) {
      yield Object.keys(there).length;
      there[name] = openModel(config, readSafetensors(weights), { vocabulary, plainly });
    }
    opened = { models: there, tokenizer: encoder, eos };
    return { arithmetic: there.target.arithmetic };
  }
}

/** @typedef {{ models: Record<string, Model>, tokenizer: Tokenizer, eos: number | null }} Opened */

/** @typedef {{ target: Model, draft: Model, tokenizer: Tokenizer, eos: number | null }} Pair */

/**
 * @param {Pair} pair
 * @param {Decode} asked
 * @returns {Generator<number, Decoded>}
 */
function* decode({ target, draft, tokenizer, eos }, { prompt, decoding, seed }) {
  const request = { target, draft, eos, prompt: tokenizer.encode(prompt), decoding, seed };
  const trace = yield* decodeBesidePlain(request);
  return {
    trace,
    vocabulary: vocabularyOf(tokenizer, tokenIds(trace)),
    pieces: wholeCharacters(tokenizer, textOf(trace)),
  };
}

/**
 * @param {Pair} pair
 * @param {Try} asked
 * @returns {Generator<Spurt | null, Results["try"]>}
 */
function* tryOut({ target, draft, tokenizer, eos }, { prompt, decoding, seed }) {
  const request = { target, draft, eos, prompt: tokenizer.encode(prompt), decoding, seed };
  const steps = decodeAloud(request);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    yield (
      value && { ...value, vocabulary: vocabularyOf(tokenizer, textOf({ rounds: [value.round] })) }
    );
  }
}

/**
 * @param {Opened} opened
 * @param {Read} asked
 * @returns {Generator<number, ReadText>}
 */
function* read({ models, tokenizer, eos }, { prompt, response, new_tokens }) {
  const given = encodeText(tokenizer, models, prompt, response);
  const text = response ? given : yield* goOn(models.target, given.ids, new_tokens, eos);
  return spelledText(tokenizer, yield* readText(models, text));
}

/** After the messages that have come. A timer would wait for 4 milliseconds. */
function nextTask() {
  return new Promise((done) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      done(undefined);
    };
    port2.postMessage(null);
  });
}
