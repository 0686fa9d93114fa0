/** The sentences of the player and of its cards. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { openPage, textOf } from "../shared/testing.js";
import { narrated, narration } from "./narration.js";
import { view } from "./testing.js";
import { readReplay } from "./trace.js";
import { replayWhatIf } from "./whatif.js";
import { whyCard } from "./why.js";

test("a step is told in a sentence", () => {
  openPage();
  const reading = readReplay(view());
  const told = reading.steps.map((_, at) => textOf(narration(reading, at)));
  assert.deepEqual(told.slice(1, 8), [
    "Pass 1. The draft guesses (1 of 3):  w1",
    "Pass 1. The draft guesses (2 of 3):  w2",
    "Pass 1. The draft guesses (3 of 3):  w3",
    "Pass 1. The target reads all 3 guesses in one pass …",
    "Pass 1. ✓ Accepted:  w1",
    "Pass 1. ✗ Rejected:  w2. The guess after it is thrown away.",
    "Pass 1. ↻ The target writes its own token instead:  w4",
  ]);
  assert.equal(told[13], "Pass 2. + All guesses kept, so the target adds one of its own:  w7");
  assert.equal(told[14], "Pass 3. There is no room for a guess: the target goes on alone.");
  assert.equal(narrated(reading, 8), "step 8 of 15, pass 2 of 3");
});

test("the end says whether it paid, and why it did not", () => {
  openPage();
  const ending = (/** @type {object} */ changes) => {
    const reading = readReplay({ ...view(), ...changes });
    return textOf(narration(reading, reading.steps.length));
  };
  assert.match(
    ending({ plain: { ms: 3, how: "" } }),
    /6 tokens in 3 passes.*10 ms instead of 18: 1\.80 times as fast/,
  );
  assert.match(ending({}), /10 ms instead of 9: slower.*one guess costs 0\.33 of a plain token/);
  assert.match(ending({ costs: [[3, 0.1, 1]] }), /would have been 4 ms: the machine was busy/);
  assert.doesNotMatch(ending({ plain: null }), /instead of/);
});

test("a card says why", () => {
  openPage();
  const sampled = readReplay(view());
  const why = (/** @type {number} */ chip, reading = sampled) =>
    whyCard(reading, reading.chips[chip]).textContent ?? "";
  assert.match(
    why(0),
    /The draft gave {2}w1 80 %, the target 10 %: it is kept with probability 0\.13\. The die showed 0\.05: accepted\. That was lucky\./,
  );
  assert.match(
    why(1),
    /kept with probability 0\.90\. The die showed 0\.95: rejected\. That was bad luck\./,
  );
  assert.match(why(2), /Never tested/);
  assert.match(why(3), /The target had rejected {2}w2, so it writes a token itself/);
  assert.match(why(4), /likes it at least as much, so it is always kept/);
  assert.match(why(6), /All 2 guesses were kept.* w7 \(70 %\)/);
  assert.match(why(7), /There was no room for a guess/);
  const greedy = readReplay(view(0));
  assert.match(
    why(1, greedy),
    /The draft's likeliest token is {2}w2 \(50 %\); the target gives it 45 %; its likeliest is {2}w4 \(60 %\): rejected\./,
  );
  assert.match(
    why(3, greedy),
    /The target had rejected {2}w2 and writes its own likeliest token: {2}w4 \(60 %\)\./,
  );
});

test("what if: the recorded draft length and the quickest one are marked", () => {
  openPage();
  const table = replayWhatIf(readReplay(view()), () => assert.fail());
  assert.equal(table.querySelector("th.recorded")?.textContent, "3");
  assert.equal(table.querySelectorAll("th.quickest").length, 1);
  assert.equal(table.querySelectorAll("th button:not(.term)").length, 0);
});

test("what if: where another draft length can be asked for, its column does", () => {
  openPage();
  /** @type {number[]} */
  const chosen = [];
  const choosing = readReplay({ ...view(), choosing: true });
  const table = replayWhatIf(choosing, (gamma) => chosen.push(gamma));
  /** @type {NodeListOf<HTMLElement>} */
  const buttons = table.querySelectorAll("thead button:not(.term)");
  assert.equal(buttons.length, 15); // all but the recorded one
  buttons[4].click();
  assert.deepEqual(chosen, [6]);
});
