import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { view } from "./testing.js";
import { blocks, occurrences, read } from "./view.js";

const ROLES = { reference: "reference", draft: "draft" };
const [KL, DELTA, ENTROPY, RIVAL] = view().metrics;

test("the values of a metric are its column, NaN on prompts", () => {
  const reading = read(view());
  assert.deepEqual([...reading.values(KL, ROLES)], [NaN, 1, 2, 3]);
  assert.deepEqual([...reading.values(KL, { ...ROLES, draft: "draft@8" })], [NaN, 2, 3, 4]);
  assert.deepEqual([...reading.values(ENTROPY, ROLES)], [NaN, 0.5, 1, 2]);
});

test("a difference is of two columns", () => {
  assert.deepEqual([...read(view()).values(DELTA, ROLES)], [NaN, 0.5, -0.5, 2]);
});

test("a metric is offered where there is what it needs", () => {
  const { offers } = read(view());
  assert.ok(offers(KL, ROLES) && offers(DELTA, ROLES) && offers(ENTROPY, ROLES));
  assert.ok(!offers(RIVAL, ROLES), "there is no rival");
  assert.ok(!offers(DELTA, { ...ROLES, reference: "unknown" }));
});

test("how many are kept at each k: from a token's entry on, prompts never", () => {
  const reading = read(view());
  const counts = reading.keptCounts("corpus", "draft");
  assert.deepEqual(
    [0, 249, 250, 999, 1000].map((k) => counts[k]),
    [1, 1, 2, 2, 3],
  );
  assert.equal(reading.keptCounts("batch", "draft")[2], 3);
  assert.equal(reading.keptCounts("corpus", "unknown")[1000], 0);
  assert.equal(reading.responses, 3);
});

test("a model's likeliest tokens are those with a probability", () => {
  const reading = read(view());
  assert.deepEqual(reading.guesses("draft", 1), [
    { id: 1, p: 0.75 },
    { id: 2, p: 0.25 },
  ]);
  assert.equal(reading.guesses("stock", 1), null);
});

test("a column is decoded once", () => {
  const { measure } = read(view());
  assert.equal(measure("kl", "draft"), measure("kl", "draft"));
  assert.equal(measure("kl", "unknown"), undefined);
});

/** @param {string[]} pieces */
const textOf = (pieces, seq = pieces.map(() => 0)) => ({
  rows: pieces.length,
  seq,
  piece: (/** @type {number} */ row) => ({ text: pieces[row] }),
});

test("blocks begin after a line's end, before a word, and with every sequence", () => {
  const lines = Array.from({ length: 30 }, (_, row) => (row % 6 === 5 ? "end\n" : " word"));
  assert.deepEqual(blocks(textOf(lines), 4)[0], { from: 0, to: 6 });
  const words = Array.from({ length: 30 }, (_, row) => (row % 4 ? "s" : " word"));
  assert.deepEqual(blocks(textOf(words), 3)[0], { from: 0, to: 12 });
  assert.deepEqual(blocks(textOf(Array(50).fill("s")), 4)[0], { from: 0, to: 20 });
  const parts = textOf(Array(9).fill("s"), [0, 0, 0, 1, 1, 1, 1, 2, 2]);
  assert.deepEqual(blocks(parts, 100), [
    { from: 0, to: 3 },
    { from: 3, to: 7 },
    { from: 7, to: 9 },
  ]);
});

test("blocks are the text, and none is longer than five times what was asked for", () => {
  const pieces = fc.array(fc.constantFrom("s", " word", ".\n"), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(pieces, fc.integer({ min: 1, max: 20 }), (list, size) => {
      const parts = blocks(textOf(list), size);
      assert.equal(parts[0].from, 0);
      assert.equal(parts.at(-1)?.to, list.length);
      for (const [at, { from, to }] of parts.entries()) {
        assert.ok(from < to && to - from <= 5 * size);
        if (at) assert.equal(from, parts[at - 1].to);
      }
    }),
  );
});

test("words are found across tokens, whatever their case", () => {
  const text = textOf(["The", " ca", "t", " and", " the", " cats"]);
  assert.deepEqual(occurrences(text, "the"), [[0], [4]]);
  assert.deepEqual(occurrences(text, "CAT"), [[1, 2], [5]]);
  assert.deepEqual(occurrences(text, "t a"), [[2, 3]]);
  assert.deepEqual(occurrences(text, "dog"), []);
  assert.deepEqual(occurrences(text, ""), []);
});

test("a whole character is found in each of its tokens", () => {
  const text = { ...textOf(["a", "b"]), pieces: { 1: "€" } };
  assert.deepEqual(occurrences(text, "€"), [[1]]);
});
