import assert from "node:assert/strict";
import { test } from "node:test";
import { openPage } from "../shared/testing.js";
import { readForced, readFree } from "./lane_modes.js";

/** @import { ForcedLanes, FreeLanes } from "../shared/types" */

const COMMON = {
  id: "a",
  seq: 0,
  baseline: "b",
  prompt: [0],
  vocabulary: { 1: { text: " one" }, 2: { text: " two" } },
  looks: {},
};

/** @type {FreeLanes} */
const FREE = {
  ...COMMON,
  mode: "free",
  rows: 2,
  lanes: {
    a: { rounds: [{ proposals: [[1, 0.5, 0.25, 0.5, true]], last: [2, "bonus"] }] },
    b: {
      rounds: [
        { proposals: [[2, 0.1, 0.5, 0.9, false]], last: [1, "residual"] },
        { proposals: [], last: [1, "bonus"] },
      ],
    },
  },
};

/** @type {ForcedLanes} */
const FORCED = {
  ...COMMON,
  mode: "forced",
  rows: 2,
  ids: [1, 2],
  p: [0.5, 0.8],
  u: [0.4, 0.6],
  lanes: {
    a: { q: [0.25, 0.4], overlap: [0.5, 0.5], kl: [0.1, 0.1], agree: [1, 0] },
    b: { q: [0.1, 0.8], overlap: [0.5, 0.5], kl: [0.1, 0.1], agree: [1, 0] },
  },
};

test("free: tokens over passes until a row, or until the draft's own end", () => {
  const mode = readFree(FREE);
  assert.deepEqual(mode.score("a", 0), ["2 tokens in 1 pass", "2.00 a pass"]);
  assert.deepEqual(mode.score("a", 1), ["2 tokens in 1 pass", "2.00 a pass"]);
  assert.deepEqual(mode.score("b", 1), ["2 tokens in 2 passes", "1.00 a pass"]);
});

test("free: a token from which on the text is another than the baseline's is marked", () => {
  openPage();
  const mode = readFree(FREE);
  assert.equal(mode.cell("a", 0).querySelector(".parted")?.getAttribute("data-place"), "1");
  assert.equal(mode.cell("b", 0).querySelector(".parted"), null);
  assert.equal(mode.cell("a", 1).textContent, "–");
});

test("forced: a token is kept where the uniform is below min(1, q/p)", () => {
  openPage();
  const mode = readForced(FORCED);
  assert.deepEqual(mode.score("a", 1), ["keeps 1 of 2", "1.0 expected"]);
  assert.deepEqual(mode.score("b", 1), ["keeps 1 of 2", "1.2 expected"]);
  assert.equal(mode.cell("a", 0).className, "kept");
  assert.equal(mode.cell("a", 1).className, "lost");
  assert.deepEqual(
    mode.versus("a", "b").map(({ position, keeps }) => [position, keeps]),
    [
      [0, "a"],
      [1, "b"],
    ],
  );
});
