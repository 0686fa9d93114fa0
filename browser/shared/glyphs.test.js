import assert from "node:assert/strict";
import { test } from "node:test";
import { endsLine, glyphs, pieceOf, spelled } from "./glyphs.js";
import { openPage } from "./testing.js";

/** @param {string} text */
const shown = (text) =>
  glyphs({ text })
    .map((run) => (run.sign ? `[${run.text}]` : run.text))
    .join("");

test("what has no shape of its own is shown by a sign", () => {
  assert.equal(shown("a\tb"), "a[→]b");
  assert.equal(shown(".\n"), ".[⏎]");
  assert.equal(shown("\r\u0000"), "[␍][␀]");
  assert.equal(shown("\u202emirrored"), "[U+202E]mirrored");
  assert.equal(shown("\u200b"), "[U+200B]");
  assert.equal(shown(""), "[∅]");
});

test("spaces are dots where there is nothing else", () => {
  assert.equal(shown("   "), "[···]");
  assert.equal(shown(" word"), " word");
});

test("joiners between visible characters belong to them", () => {
  const family = "👩‍👩‍👧‍👦";
  assert.deepEqual(glyphs({ text: family }), [{ text: family, sign: false }]);
});

test("a token that is no whole character is shown by its bytes", () => {
  assert.deepEqual(glyphs({ bytes: "e282" }), [{ text: "E2 82", sign: true }]);
});

test("a token is text, whatever it says", () => {
  openPage();
  const attack = "<img src=x onerror=alert(1)>";
  const element = spelled({ text: attack }, { class: "title" });
  assert.equal(element.textContent, attack);
  assert.equal(element.childElementCount, 0);
  assert.equal(element.className, "piece title");
});

test("the end of a line, and a token that the vocabulary lacks", () => {
  assert.ok(endsLine({ text: ".\n" }));
  assert.ok(!endsLine({ text: "\na" }) && !endsLine({ bytes: "0a" }));
  assert.deepEqual(pieceOf({ 3: { text: "three" } }, 3), { text: "three" });
  assert.deepEqual(pieceOf({}, 7), { text: "#7" });
});
