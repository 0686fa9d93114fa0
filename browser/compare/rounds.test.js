import assert from "node:assert/strict";
import { test } from "node:test";
import { disagreements, firstDifference, readRounds } from "./rounds.js";

/** @import { LaneProposal, LaneRound } from "../shared/types" */

/**
 * @param {number} token
 * @param {boolean | null} accepted
 * @returns {LaneProposal}
 */
const proposal = (token, accepted) => [token, 0.5, 0.5, accepted === null ? null : 0.3, accepted];

/** @type {LaneRound[]} */
const ROUNDS = [
  { proposals: [proposal(1, true), proposal(2, false), proposal(3, null)], last: [4, "residual"] },
  { proposals: [proposal(5, true)], last: [6, "bonus"] },
  { proposals: [proposal(7, true)], last: null },
];

test("a round's proposals have their places in the text", () => {
  const { text, rounds, tested } = readRounds(ROUNDS);
  assert.deepEqual(text, [1, 4, 5, 6, 7]);
  assert.deepEqual(
    rounds.map(({ after }) => after),
    [2, 4, 5],
  );
  assert.deepEqual(
    rounds[0].proposals.map(({ position }) => position),
    [0, 1, 2],
  );
  assert.equal(rounds[1].last?.position, 3);
  assert.deepEqual([...tested.keys()], [0, 1, 2, 4]);
  assert.equal(tested.get(2)?.token, 5, "the one of the second round: the first was never tested");
});

test("where two texts differ", () => {
  assert.equal(firstDifference([1, 2, 3], [1, 2, 3]), Infinity);
  assert.equal(firstDifference([1, 2, 3], [1, 5, 3]), 1);
  assert.equal(firstDifference([1, 2], [1, 2, 3]), 2);
});

test("two drafts disagree where one accepts and the other rejects, until their texts part", () => {
  const a = readRounds([
    { proposals: [proposal(1, true), proposal(2, true)], last: [3, "bonus"] },
    { proposals: [proposal(6, true)], last: null },
  ]);
  const b = readRounds([
    { proposals: [proposal(1, true), proposal(9, false)], last: [2, "residual"] },
    { proposals: [proposal(8, false)], last: [7, "residual"] },
    { proposals: [proposal(6, false)], last: [5, "residual"] },
  ]);
  assert.deepEqual(disagreements({ a, b }, "a", "b"), [
    { rows: [0, 0], position: 1, keeps: "a", tokens: [2, 9] },
  ]);
  assert.deepEqual(disagreements({ a, b }, "b", "a")[0].keeps, "a");
  assert.deepEqual(disagreements({ a, b }, "a", "a"), []);
});
