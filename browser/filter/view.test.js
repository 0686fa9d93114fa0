import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { packed } from "../shared/testing.js";
import { ALL, jaccard, ratioAt, readFilter } from "./view.js";

/** The smallest ΔL kept at each k, as a run has it: it falls with k, and NaN keeps nothing. */
const thresholds = fc
  .tuple(
    fc.array(fc.integer({ min: -50, max: 50 }), { minLength: ALL + 1, maxLength: ALL + 1 }),
    fc.nat(20),
  )
  .map(([values, none]) => {
    const falling = [...values].sort((a, b) => b - a);
    return falling.map((value, k) => (k < none ? NaN : value / 10));
  });

test("the handle's k is the largest that keeps nothing below it", () => {
  fc.assert(
    fc.property(thresholds, fc.integer({ min: -60, max: 60 }), (threshold, tenths) => {
      const value = tenths / 10;
      const keeps = (/** @type {number} */ k) => !(threshold[k] < value);
      const plain =
        Array.from({ length: ALL + 1 }, (_, k) => k)
          .filter(keeps)
          .at(-1) ?? 0;
      assert.equal(ratioAt(threshold, value), plain);
    }),
  );
});

test("at the ends the handle keeps everything, and as little as can be", () => {
  const threshold = Array.from({ length: ALL + 1 }, (_, k) => 5 - k / 100);
  assert.equal(ratioAt(threshold, -5), ALL);
  assert.equal(ratioAt(threshold, 9), 0);
});

test("the Jaccard index of two selections of one size", () => {
  assert.equal(jaccard(10, 10), 1);
  assert.equal(jaccard(0, 10), 0);
  assert.equal(jaccard(5, 10), 5 / 15);
});

test("a view is read with every curve unpacked", () => {
  const reading = readFilter({
    id: "a",
    title: "",
    tokens: 3,
    histogram: { low: -1, high: 1, counts: [1, 2], below: 0, above: 0 },
    threshold: packed([NaN, 0.5]),
    kept: packed([0, 3], "u4"),
    mass: packed([0, 1]),
    groups: [
      {
        name: "class",
        explanation: "",
        rows: [{ label: "digits", tokens: 2, kept: packed([0, 2], "u4") }],
      },
    ],
    overlaps: [
      {
        name: "rivals",
        explanation: "",
        rows: [{ label: "random", shared: packed([0, 1], "u4") }],
      },
    ],
    text: {
      title: "",
      tokens: { id: packed([7], "u4"), response: packed([1], "u1") },
      vocabulary: {},
      entry: packed([400], "u2"),
    },
    notes: [],
  });
  assert.deepEqual([...reading.kept], [0, 3]);
  assert.deepEqual([...reading.groups[0].rows[0].kept], [0, 2]);
  assert.deepEqual([...reading.overlaps[0].rows[0].shared], [0, 1]);
  assert.deepEqual([...reading.text.entry], [400]);
});
