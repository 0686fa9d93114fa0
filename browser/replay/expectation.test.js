import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { keeps, passesAt, roundMs } from "./expectation.js";
import { view } from "./testing.js";
import { readReplay } from "./trace.js";

/** The expected passes from a place of the text on, straight from the definition.
 *
 * @param {number} gamma
 * @param {number[]} keep
 * @param {number} from
 * @returns {number}
 */
function slowly(gamma, keep, from = 0) {
  if (from >= keep.length) return 0;
  let passes = 1;
  let reached = 1; // the probability that all guesses so far were accepted
  let place = from;
  for (; place < from + gamma && place + 1 < keep.length; place += 1) {
    passes += reached * (1 - keep[place]) * slowly(gamma, keep, place + 1);
    reached *= keep[place];
  }
  return passes + reached * slowly(gamma, keep, place + 1);
}

test("expected passes are those of the definition", () => {
  const keep = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 9 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), keep, (gamma, list) => {
      assert.ok(Math.abs(passesAt(gamma, list) - slowly(gamma, list)) < 1e-9);
    }),
  );
});

test("a draft that is never right costs a pass a token; one that always is, gamma + 1 tokens a pass", () => {
  assert.equal(passesAt(4, Array(12).fill(0)), 12);
  assert.equal(passesAt(3, Array(12).fill(1)), 3);
  assert.equal(passesAt(3, Array(13).fill(1)), 4, "the last token has no room for a guess");
});

test("the probability that a guess is kept, given the token that came", () => {
  assert.deepEqual(keeps(readReplay(view())), [1, 0.5, 0.4 / 0.5, 1, 0.5, 0]);
  assert.deepEqual(keeps(readReplay(view(0))), [1, 0.5, 1, 1, 0.5, 0]);
});

test("costs between those measured are interpolated, beyond them as at the nearest", () => {
  /** @type {import("../shared/types").Cost[]} */
  const costs = [
    [2, 1, 10],
    [4, 2, 20],
  ];
  assert.deepEqual(
    [1, 2, 3, 4, 8].map((gamma) => roundMs(costs, gamma)),
    [11, 12, 19.5, 28, 36],
  );
  assert.equal(roundMs([[3, 0.5, 2]], 5), 4.5);
});
