/** A token as faithful text: what has no shape of its own gets a sign, and nothing is markup. */

/** @import { Piece, Vocabulary } from "./types" */
/** @import { Attributes } from "./dom" */

import { make } from "./dom.js";

/** @type {Record<string, string>} */
const SIGNS = { "\n": "⏎", "\t": "→", "\r": "␍", "\u00a0": "⍽" };
/* eslint-disable no-misleading-character-class -- the characters by themselves are meant */
// Controls, marks of writing direction, and characters that have no width.
const SHAPELESS =
  /[\u0000-\u001f\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffc\u{e0000}-\u{e0fff}]/u;
const JOINS = /[\u200c\u200d\ufe00-\ufe0f\u{e0020}-\u{e007f}]/u; // between visible characters
/* eslint-enable */

/** @param {string} character */
function sign(character) {
  if (SIGNS[character]) return SIGNS[character];
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return "␡";
  return `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}

/** Runs of text; `sign` marks what is shown in place of something shapeless.
 *
 * @param {Piece} piece
 * @returns {{ text: string, sign: boolean }[]}
 */
export function glyphs({ text = "", bytes }) {
  if (bytes !== undefined) {
    return [{ text: bytes.toUpperCase().replace(/(..)(?=.)/g, "$1 "), sign: true }];
  }
  if (/^ +$/.test(text)) return [{ text: "·".repeat(text.length), sign: true }];
  /** @type {{ text: string, sign: boolean }[]} */
  const runs = [];
  let visible = false;
  for (const character of text) {
    /** @type {boolean} */
    const shapeless = SHAPELESS.test(character) && !(visible && JOINS.test(character));
    const shown = shapeless ? sign(character) : character;
    const last = runs.at(-1);
    if (last && !shapeless && !last.sign) last.text += shown;
    else runs.push({ text: shown, sign: shapeless });
    visible = !shapeless;
  }
  return runs.length ? runs : [{ text: "∅", sign: true }];
}

/** Fill an element with a token's glyphs.
 *
 * @param {Element} element
 * @param {Piece} piece
 */
export function spell(element, piece) {
  for (const run of glyphs(piece)) {
    element.append(run.sign ? make("span", { class: "sign" }, run.text) : run.text);
  }
}

/** A token, spelled, in an element of its own.
 *
 * @param {Piece} piece
 * @param {Attributes} [attributes]
 */
export function spelled(piece, attributes = {}) {
  const element = make("span", { ...attributes, class: `piece ${attributes.class ?? ""}` });
  spell(element, piece);
  return element;
}

/** Whether a break follows the token.
 *
 * @param {Piece} piece
 */
export function endsLine({ text }) {
  return text !== undefined && text.endsWith("\n");
}

/** A token that the vocabulary was not sent for is named by its number.
 *
 * @param {Vocabulary} vocabulary
 * @param {number} id
 * @returns {Piece}
 */
export function pieceOf(vocabulary, id) {
  return vocabulary[id] ?? { text: `#${id}` };
}
