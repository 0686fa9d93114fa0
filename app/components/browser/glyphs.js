/* A token as faithful text: what has no shape of its own gets a sign, and nothing is markup.

   A piece is {text, special?} or, where a token is no whole character, {bytes} in hexadecimal. */

const SIGNS = { "\n": "⏎", "\t": "→", "\r": "␍", "\u00a0": "⍽" };
// Controls, marks of writing direction, and characters that have no width.
const SHAPELESS =
  /[\u0000-\u001f\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffc\u{e0000}-\u{e0fff}]/u;
const JOINS = /[\u200c\u200d\ufe00-\ufe0f\u{e0020}-\u{e007f}]/u; // between visible characters

function sign(character) {
  if (SIGNS[character]) return SIGNS[character];
  const code = character.codePointAt(0);
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return "␡";
  return `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}

/* Runs of {text, sign}: sign marks what is shown in place of something shapeless. */
function glyphs(piece) {
  if (piece.bytes !== undefined) {
    return [{ text: piece.bytes.toUpperCase().replace(/(..)(?=.)/g, "$1 "), sign: true }];
  }
  if (/^ +$/.test(piece.text)) return [{ text: "·".repeat(piece.text.length), sign: true }];
  const runs = [];
  let visible = false;
  for (const character of piece.text) {
    const shapeless = SHAPELESS.test(character) && !(visible && JOINS.test(character));
    const text = shapeless ? sign(character) : character;
    const last = runs[runs.length - 1];
    if (last && !shapeless && !last.sign) last.text += text;
    else runs.push({ text, sign: shapeless });
    visible = !shapeless;
  }
  return runs.length ? runs : [{ text: "∅", sign: true }];
}

/* Fill an element with a token's glyphs; a token that ends a line is followed by a break. */
function spell(element, piece) {
  for (const run of glyphs(piece)) {
    if (!run.sign) {
      element.append(run.text);
      continue;
    }
    const mark = document.createElement("span");
    mark.className = "sign";
    mark.textContent = run.text;
    element.append(mark);
  }
}

function endsLine(piece) {
  return piece.text !== undefined && piece.text.endsWith("\n");
}
