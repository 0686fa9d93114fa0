import assert from "node:assert/strict";
import { test } from "node:test";
import { WIDE, bars, range, roots, steps } from "./chart.js";

test("a path has a step for each value, and a gap where there is none", () => {
  assert.equal(steps([0, 1]), "M0.00 100.0H500.00V0.0H1000.00");
  assert.equal(steps([0.5, NaN, 0.25, 0.25]), "M0.00 50.0H250.00M500.00 75.0H750.00V75.0H1000.00");
  assert.equal(steps([]), "");
});

test("where values are more than can be told apart, a part spans from the least to the greatest", () => {
  const heights = Array.from({ length: 2 * WIDE }, (_, at) => at % 2);
  assert.match(steps(heights), /^M0\.00 0\.0V100\.0V0\.0H1\.00V0\.0V100\.0V0\.0H2\.00/);
});

test("a range passes over NaN", () => {
  assert.deepEqual(range([3, NaN, 1, 2], 0, 4), [1, 3]);
  assert.deepEqual(range([NaN], 0, 1), [Infinity, -Infinity]);
});

test("bars are as high as the square root of their share of the highest", () => {
  assert.deepEqual(roots([4, 1, 0]), [1, 0.5, 0]);
  assert.equal(bars([4, 1]), "M40.00 100V0.0h420.00V100ZM540.00 100V50.0h420.00V100Z");
  assert.equal(bars([]), "");
});
