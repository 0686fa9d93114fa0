/** The losslessness lab's rules and its test, at their error rates. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ERROR_RATE,
  RULES,
  UNIFORMS,
  addDraws,
  chiSquare,
  grouped,
  growth,
  limit,
  tail,
} from "./rules.js";

const DRAWS = 10_000;
const P = Float32Array.from([0.6, 0.18, 0.01, 0.01, 0, 0.2]);
const Q = Float32Array.from([0.32, 0.01, 0.17, 0.07, 0.06, 0.37]);

/** mulberry32: any generator will do, as long as it is quick.
 *
 * @param {number} seed
 */
function numbers(seed) {
  let state = seed;
  return Float64Array.from({ length: DRAWS * UNIFORMS }, () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  });
}

/**
 * @param {string} name
 * @param {number} seed
 */
function draws(name, seed, p = P, q = Q) {
  const so = { counts: Array.from(p, () => 0), kept: 0 };
  addDraws(RULES[name].rule, p, q, numbers(seed), so, 0, DRAWS);
  return so;
}

/** In how many of so many tries the test speaks up, at each of these error rates.
 *
 * @param {string} name
 * @param {number} tries
 * @param {number[]} rates
 */
function noticed(name, tries, rates) {
  const groups = grouped(P, DRAWS);
  const seen = Array.from({ length: tries }, (_, at) =>
    chiSquare(draws(name, 1000 * at + 7).counts, P, groups),
  );
  return rates.map((rate) => {
    const most = limit(groups.length - 1, rate);
    return seen.filter((value) => value > most).length;
  });
}

test("the tail of chi-square is the tables'", () => {
  for (const [x, freedom, expected] of [
    [3.8415, 1, 0.05],
    [5.9915, 2, 0.05],
    [7.8147, 3, 0.05],
    [11.0705, 5, 0.05],
    [20.515, 5, 0.001],
    [22.4577, 6, 0.001],
  ]) {
    assert.ok(Math.abs(tail(x, freedom) / expected - 1) < 1e-3, `${x} ${freedom}`);
    assert.ok(Math.abs(limit(freedom, expected) - x) < 1e-2, `${x} ${freedom}`);
  }
});

test("the right rule is lossless: the test errs as often as it says", () => {
  const [often, seldom] = noticed("right", 200, [0.05, ERROR_RATE]);
  assert.ok(often >= 1 && often <= 22, `${often} of 200 at 5 %`); // 10, give or take 4 deviations
  assert.ok(seldom <= 2, `${seldom} of 200`);
});

test("every broken rule is noticed, every time", () => {
  for (const name of ["all", "target", "after"]) {
    assert.deepEqual(noticed(name, 20, [ERROR_RATE]), [20], name);
  }
});

test("as many guesses are kept as the distributions overlap", () => {
  const overlap = P.reduce((sum, value, at) => sum + Math.min(value, Q[at]), 0);
  const { kept } = draws("right", 3);
  assert.ok(Math.abs(kept / DRAWS - overlap) < 4 * Math.sqrt((overlap * (1 - overlap)) / DRAWS));
});

test("a draft that is the target breaks no rule", () => {
  const groups = grouped(P, DRAWS);
  const most = limit(groups.length - 1, ERROR_RATE);
  for (const name of Object.keys(RULES)) {
    assert.ok(chiSquare(draws(name, 11, P, P).counts, P, groups) < most, name);
  }
});

test("rare tokens are counted together, and none is lost", () => {
  const groups = grouped(Float32Array.from([0.9996, 0.0002, 0.0001, 0.0001, 0]), DRAWS);
  assert.deepEqual(groups, [[4, 2, 3, 1, 0]]);
  assert.deepEqual(grouped(P, DRAWS).flat().toSorted(), [0, 1, 2, 3, 4, 5]);
});

test("chi-square is the sum over groups of squared differences by what was expected", () => {
  assert.equal(chiSquare([60, 40], Float32Array.from([0.5, 0.5]), [[0], [1]]), 4);
  assert.equal(chiSquare([0, 0], Float32Array.from([0.5, 0.5]), [[0], [1]]), 0);
});

test("what comes by each rule is what it says, and chi-square grows as it says", () => {
  const [p, q] = [Array.from(P), Array.from(Q)];
  const groups = grouped(P, DRAWS);
  for (const [name, { comes }] of Object.entries(RULES)) {
    const expected = comes(p, q);
    const sum = expected.reduce((all, value) => all + value, 0);
    assert.ok(Math.abs(sum - 1) < 1e-6, name);
    const { counts } = draws(name, 11);
    counts.forEach((count, at) => {
      const wide = 5 * Math.sqrt(expected[at] / DRAWS);
      assert.ok(Math.abs(count / DRAWS - expected[at]) <= wide, `${name} ${at}`);
    });
    const foretold = DRAWS * growth(expected, P, groups) + groups.length - 1;
    const seen = chiSquare(counts, P, groups);
    assert.ok(Math.abs(seen - foretold) < 0.15 * foretold + 20, `${name}: ${seen} ${foretold}`);
  }
});
