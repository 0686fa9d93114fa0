import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { view } from "./testing.js";
import { lastDecided, lookOf, readReplay } from "./trace.js";

const READING = readReplay(view());
const RECORDED = new URL("../../assets/example/replays/adaspec/0.json", import.meta.url);

test("a round is proposed one by one, checked at once, decided one by one, and added to", () => {
  const kinds = READING.steps.map(({ round, kind }) => `${round} ${kind}`);
  assert.deepEqual(kinds, [
    "0 propose",
    "0 propose",
    "0 propose",
    "0 check",
    "0 decide",
    "0 decide",
    "0 add",
    "1 propose",
    "1 propose",
    "1 check",
    "1 decide",
    "1 decide",
    "1 add",
    "2 check",
    "2 add",
  ]);
  assert.deepEqual(
    READING.rounds.map(({ from, to }) => [from, to]),
    [
      [0, 7],
      [7, 13],
      [13, 15],
    ],
  );
});

test("the text is what was accepted and what the target added", () => {
  assert.deepEqual(
    READING.kept.map(({ token }) => token),
    [1, 4, 5, 6, 7, 8],
  );
  assert.deepEqual(
    READING.kept.map(({ at }) => at),
    [0, 1, 2, 3, 4, 5],
  );
  assert.equal(READING.whole(READING.kept[5]), "€");
  assert.equal(READING.chips[1].at, null);
});

test("a chip is hidden, proposed, checked, and then what became of it; a guess after a rejection is decided with it", () => {
  const looks = (/** @type {number} */ chip) =>
    [0, 1, 2, 3, 4, 5, 6].map((step) => lookOf(READING.chips[chip], step));
  assert.deepEqual(looks(0), [
    "hidden",
    "proposed",
    "proposed",
    "proposed",
    "checking",
    "accepted",
    "accepted",
  ]);
  assert.deepEqual(looks(1), [
    "hidden",
    "hidden",
    "proposed",
    "proposed",
    "checking",
    "checking",
    "rejected",
  ]);
  assert.deepEqual(looks(2), [
    "hidden",
    "hidden",
    "hidden",
    "proposed",
    "checking",
    "checking",
    "untested",
  ]);
});

test("luck is an outcome that was unlikely; greedy decoding knows none", () => {
  const tests = READING.chips.map((chip) => ("test" in chip ? chip.test : null));
  assert.deepEqual(tests[0], { u: 0.05, chance: 0.125, likely: 0.125, luck: "lucky" });
  assert.equal(tests[1]?.luck, "unlucky");
  assert.equal(tests[2], null);
  assert.equal(tests[4]?.chance, 1);
  assert.equal(tests[4]?.luck, null);
  const greedy = readReplay(view(0));
  assert.ok(greedy.greedy && greedy.chips.every((chip) => !("test" in chip) || chip.test === null));
});

test("what has been counted after each step", () => {
  const { tokens, passes, accepted, tested, drafted, ms } = READING.total;
  assert.deepEqual([...tokens], [0, 0, 0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 4, 5, 5, 6]);
  assert.deepEqual([...passes], [0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3]);
  assert.deepEqual([...accepted], [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 3, 3, 3, 3]);
  assert.deepEqual([...tested], [0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2, 3, 4, 4, 4, 4]);
  assert.deepEqual([...drafted], [0, 1, 2, 3, 3, 3, 3, 3, 4, 5, 5, 5, 5, 5, 5, 5]);
  assert.deepEqual([...ms], [0, 1, 2, 3, 5, 5, 5, 5, 6, 7, 9, 9, 9, 9, 10, 10]);
});

test("the chip that was decided last", () => {
  assert.equal(lastDecided(READING, 4), null);
  assert.equal(lastDecided(READING, 5)?.token, 1);
  assert.equal(lastDecided(READING, 9)?.token, 4);
});

test("of a recorded decoding every token and every pass is counted", () => {
  const trace = JSON.parse(readFileSync(RECORDED, "utf8"));
  const { rounds, total, steps, kept } = readReplay({ ...view(), trace });
  const end = steps.length;
  const proposals = trace.rounds.flatMap((/** @type {any} */ round) => round.proposals);
  const accepted = proposals.filter((/** @type {any} */ proposal) => proposal.accepted).length;
  const added = trace.rounds.filter((/** @type {any} */ round) => round.last).length;
  assert.equal(total.tokens[end], accepted + added);
  assert.equal(kept.length, accepted + added);
  assert.equal(total.passes[end], rounds.length);
  assert.equal(total.drafted[end], proposals.length);
  assert.equal(total.accepted[end], accepted);
});
