/** What models say of a text, token by token: `adaspec.inference.read_text`. */

/** @import { Model } from "./model.js" */
/** @import { Tokenizer } from "./tokenizer.js" */
/** @import { Vocabulary } from "../shared/types" */

import { draftColumns, likeliestOf, logs, targetColumns } from "./columns.js";
import { decode } from "./decoding.js";
import { PASS } from "./model.js";
import { textOf, vocabularyOf, wholeCharacters } from "./pieces.js";

/**
 * @typedef {object} TextRows as `adaspec.answers.TextRows`: of the tokens from `response_from` on
 * @property {number[]} ids
 * @property {number} response_from
 * @property {Record<string, (number | boolean)[]>} columns
 * @property {Record<string, { id: number[][], p: number[][] }>} top
 *
 * @typedef {{ ids: number[], response_from: number }} Text
 * @typedef {{ rows: TextRows, vocabulary: Vocabulary, pieces: Record<string, string> }} ReadText
 */

const CONTINUED = { gamma: 0, temperature: 1, top_k: 0, top_p: 1 };

/** The tokens of a text. A token that begins in the prompt and ends after it is the response's.
 *
 * @param {Tokenizer} tokenizer
 * @param {Record<string, Model>} models
 * @param {string} prompt
 * @param {string} response if empty, the text is to go on
 * @returns {Text}
 * @throws {Error} it is empty, too long, or has tokens that not every model knows.
 */
export function encodeText({ encode, bytes }, models, prompt, response) {
  const ids = encode(prompt + response);
  const length = (/** @type {number[]} */ tokens) =>
    tokens.reduce((sum, id) => sum + bytes[id].length, 0);
  const before = length(encode(prompt));
  let end = 0;
  const prompted = ids.filter((id) => (end += bytes[id].length) <= before).length;
  if (ids.length < (response ? 2 : 1) || (response && prompted === ids.length)) {
    throw new Error("There is nothing to predict: write at least two tokens, or a prompt.");
  }
  const all = Object.values(models);
  const most = Math.min(...all.map(({ context }) => context)) - (response ? 0 : 1);
  if (ids.length > most) {
    throw new Error(`The text has ${ids.length} tokens, more than ${most}: shorten it.`);
  }
  const unknown = ids.find((id) => all.some(({ vocabulary }) => id >= vocabulary));
  if (unknown !== undefined) {
    throw new Error(`Not all of this run's models know the token ${unknown}: leave it out.`);
  }
  return { ids, response_from: Math.max(1, prompted) };
}

/** The prompt with what the target puts after it, at temperature 1.
 *
 * @param {Model} target
 * @param {number[]} prompt
 * @param {number} max_new_tokens
 * @param {number | null} eos
 * @returns {Generator<number, Text>}
 */
export function* goOn(target, prompt, max_new_tokens, eos) {
  const decoding = { ...CONTINUED, max_new_tokens };
  const trace = yield* decode({
    target,
    draft: null,
    prompt,
    decoding,
    seed: 0,
    eos,
    detail: false,
  });
  return { ids: [...prompt, ...textOf(trace)], response_from: prompt.length };
}

/** It pauses after every pass of all models, with the number of tokens read.
 *
 * @param {Record<string, Model>} models `target` and others
 * @param {Text} text
 * @returns {Generator<number, TextRows>}
 */
export function* readText({ target, ...others }, { ids, response_from }) {
  /** @type {TextRows} */
  const rows = { ids, response_from, columns: {}, top: {} };
  const last = ids.length - 1; // nothing follows the last token
  for (let at = 0; at < last; at += PASS) {
    const part = ids.slice(at, Math.min(at + PASS, last));
    const first = Math.max(0, response_from - 1 - at); // place in the part from which on there are rows
    const next = part.map((_, place) => ids[at + place + 1]);
    const p = first < part.length ? target.read(part, at).map(logs) : target.remember(part, at);
    if (p) add(rows, "target", p, (place) => targetColumns(p[place], next[place]), "", first);
    for (const [name, model] of Object.entries(others)) {
      const q = p ? model.read(part, at).map(logs) : model.remember(part, at);
      if (p && q) {
        add(
          rows,
          name,
          q,
          (place) => draftColumns(p[place], q[place], next[place]),
          `@${name}`,
          first,
        );
      }
    }
    yield at + part.length;
  }
  return rows;
}

/** The rows with what their tokens stand for.
 *
 * @param {Tokenizer} tokenizer
 * @param {TextRows} rows
 * @returns {ReadText}
 */
export function spelledText(tokenizer, rows) {
  const likeliest = Object.values(rows.top).flatMap(({ id }) => id.flat());
  const named = [...rows.ids, ...likeliest.filter((token) => token >= 0)];
  return {
    rows,
    vocabulary: vocabularyOf(tokenizer, named),
    pieces: wholeCharacters(tokenizer, rows.ids),
  };
}

/** Put the rows of a part behind those that are there.
 *
 * @param {TextRows} rows
 * @param {string} name of the model
 * @param {Float32Array[]} said its logarithms of probabilities, by place
 * @param {(place: number) => Record<string, number | boolean>} measures
 * @param {string} suffix of the columns
 * @param {number} first place that has a row
 */
function add({ columns, top }, name, said, measures, suffix, first) {
  top[name] ??= { id: [], p: [] };
  for (let place = first; place < said.length; place += 1) {
    for (const [column, value] of Object.entries(measures(place))) {
      (columns[`${column}${suffix}`] ??= []).push(value);
    }
    const { id, p } = likeliestOf(said[place]);
    top[name].id.push(id);
    top[name].p.push(p);
  }
}
