import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { deltaAxis, tickStep } from "./histogram.js";
import { ALL } from "./view.js";

/**
 * @param {number} most the largest ΔL of all
 * @param {number} least
 */
function axisFrom(most, least) {
  const threshold = Float32Array.from(
    { length: ALL + 1 },
    (_, k) => most + (k / ALL) * (least - most),
  );
  const counts = Array(20).fill(1);
  return deltaAxis({ histogram: { low: -1, high: 1, counts, below: 0, above: 0 }, threshold });
}

test("the axis is straight between the limits, and reaches the last tokens in its zones", () => {
  const axis = axisFrom(8, -4);
  assert.deepEqual([axis.least, axis.most], [-4, 8]);
  const edge = 6 / 32;
  for (const [value, at] of [
    [-4, 0],
    [-1, edge],
    [0, 0.5],
    [1, 1 - edge],
    [8, 1],
  ]) {
    assert.ok(Math.abs(axis.position(value) - at) < 1e-9, `${value}`);
  }
});

test("where no token lies beyond a limit, the zone is as wide as its bars", () => {
  const axis = axisFrom(0.5, -0.5);
  assert.deepEqual([axis.least, axis.most], [-1.5, 1.5]);
});

test("a value is where its position says", () => {
  const values = fc.double({ min: -4, max: 8, noNaN: true });
  fc.assert(
    fc.property(values, (value) => {
      const axis = axisFrom(8, -4);
      assert.ok(Math.abs(axis.value(axis.position(value)) - value) < 1e-9);
    }),
  );
});

test("ticks are 1, 2 or 5 times a power of ten apart, at most six to the whole", () => {
  assert.deepEqual([2, 4, 0.5, 60, 70].map(tickStep), [0.5, 1, 0.1, 10, 20]);
});
