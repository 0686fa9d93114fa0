import assert from "node:assert/strict";
import { test } from "node:test";
import { costAt } from "./expectation.js";
import { standing, stepAt } from "./race.js";
import { view } from "./testing.js";
import { clockOf, readReplay } from "./trace.js";
import { tally } from "./trial.js";

test("a race has one clock: timed costs, and the recording where nothing was timed", () => {
  const reading = readReplay(view()); // a guess takes 0.5 ms, a check 2
  const clock = clockOf(reading);
  const ends = reading.rounds.map(({ to }) => clock[to]);
  assert.deepEqual(ends, [3.5, 3.5 + 3, 3.5 + 3 + 2]);
  assert.deepEqual([...clock.slice(0, 5)], [0, 0.5, 1, 1.5, 3.5]);
  assert.deepEqual(clockOf({ ...reading, costs: [] }), reading.total.ms);
  assert.deepEqual(costAt([[2, 1, 4], [4, 3, 6]], 3), [2, 5]); // prettier-ignore
});

test("where a decoding is at a time", () => {
  const clock = Float64Array.of(0, 1, 2, 4, 4, 4);
  for (let ms = 0; ms < 5; ms += 0.25) {
    const plain = clock.findLastIndex((end) => end <= ms);
    assert.equal(stepAt(clock, ms), plain);
  }
});

test("who is ahead, and at the end by how much", () => {
  const lane = (/** @type {string} */ draft, tokens = 0, passes = 0, ended = /** @type {number | null} */ (null)) => ({ draft, tokens, passes, ended }); // prettier-ignore
  assert.equal(
    standing([lane("a", 3, 1), lane("b", 5, 1)], 7),
    "b is ahead after 7.0 ms: 5 tokens, a 3.",
  );
  assert.equal(
    standing([lane("a", 3), lane("b", 3, 1, 6)], 7),
    "Level after 7.0 ms: 3 tokens each.",
  );
  assert.equal(
    standing([lane("a", 10, 5, 20), lane("b", 12, 4, 16)], 20),
    "b is 1.50 times as fast, token for token. b: 12 tokens in 4 passes and 16 ms; a: 10 tokens in 5 passes and 20 ms.",
  );
  assert.match(standing([lane("a", 10, 5, 20), lane("b", 10, 5, 20)], 20), /^Both are as fast/);
});

test("what a draft's trial comes to", () => {
  const { rounds } = view().trace;
  const { tokens, passes, kept, tested, speed } = tally(
    rounds.map((round) => ({ round, plain_ms: 4 })),
  );
  assert.deepEqual([tokens, passes, kept, tested], [6, 3, 3, 4]);
  assert.equal(speed.ours, 6000 / 10);
  assert.equal(speed.plain, 250);
});
