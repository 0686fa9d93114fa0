/** What tokens stand for, as pages show them: `adaspec.views.token_view.piece` and
 * `adaspec.vocabulary.whole_characters`. */

/** @import { Round, Trace } from "../schemas/trace" */
/** @import { Piece, Vocabulary } from "../shared/types" */
/** @import { Tokenizer } from "./tokenizer.js" */

/** The pieces of some tokens, by id.
 *
 * @param {Tokenizer} tokenizer
 * @param {Iterable<number>} ids
 * @returns {Vocabulary}
 */
export function vocabularyOf(tokenizer, ids) {
  return Object.fromEntries([...new Set(ids)].map((id) => [id, piece(tokenizer, id)]));
}

/** @param {Tokenizer} tokenizer
 * @param {number} id
 * @returns {Piece}
 */
function piece({ bytes, special }, id) {
  const data = bytes[id] ?? new Uint8Array(); // rows of an embedding beyond the words
  const text = strictText(data);
  const shown = text === null ? { bytes: hexadecimal(data) } : { text };
  return special.has(id) || !(id in bytes) ? { ...shown, special: true } : shown;
}

/** Place of every token that is not whole characters -> the characters that it is a part of.
 *
 * @param {Tokenizer} tokenizer
 * @param {number[]} ids of a text
 * @returns {Record<string, string>}
 */
export function wholeCharacters({ bytes }, ids) {
  /** @type {Record<string, string>} */
  const characters = {};
  /** @type {number[]} */
  let open = [];
  for (const place of ids.keys()) {
    open.push(place);
    const data = Uint8Array.from(open.flatMap((at) => [...(bytes[ids[at]] ?? [])]));
    const text = strictText(data);
    if (text === null && mayGoOn(data)) continue;
    if (text !== null && open.length > 1) for (const at of open) characters[at] = text;
    open = [];
  }
  return characters;
}

/** What the bytes say; null where they are not whole characters.
 *
 * @param {Uint8Array<ArrayBuffer>} data
 */
function strictText(data) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    return null;
  }
}

/** Whether more bytes could make characters of them.
 *
 * @param {Uint8Array<ArrayBuffer>} data
 */
function mayGoOn(data) {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(data, { stream: true });
    return true;
  } catch {
    return false;
  }
}

/** @param {Uint8Array} data */
const hexadecimal = (data) =>
  Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Every token that a trace names.
 *
 * @param {Trace} trace
 */
export function tokenIds({ prompt, rounds }) {
  return new Set([
    ...prompt,
    ...rounds.flatMap(({ proposals, last }) => [
      ...proposals.flatMap(({ token, likeliest }) => [token, ...likeliest.map(([id]) => id)]),
      ...(last ? [last.token, ...[...last.likeliest, ...last.drawn_from].map(([id]) => id)] : []),
    ]),
  ]);
}

/** The tokens that came out of a decoding.
 *
 * @param {{ rounds: Round[] }} trace
 */
export function textOf({ rounds }) {
  return rounds.flatMap(({ proposals, last }) => [
    ...proposals.filter(({ accepted }) => accepted).map(({ token }) => token),
    ...(last ? [last.token] : []),
  ]);
}
