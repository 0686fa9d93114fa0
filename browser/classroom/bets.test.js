/** What can be bet on, and what the next key does. */

/** @import { LessonView, Overview, SharedView } from "../schemas/told" */

import assert from "node:assert/strict";
import { test } from "node:test";
import { view } from "../replay/testing.js";
import { readReplay } from "../replay/trace.js";
import { backOf, betsHere, nextOf, questionAt } from "./bets.js";

const reading = readReplay(view());

/** @param {Partial<SharedView>} [more]
 * @returns {SharedView}
 */
const shared = (more) => ({
  run: "english",
  shown: { draft: "adaspec", number: 0 },
  step: 0,
  bet: null,
  board: null,
  timer: null,
  leaders: null,
  lesson: null,
  training: false,
  ...more,
});

/** @type {Overview} */
const overview = {
  seats: [],
  voted: 0,
  right: null,
  discuss: false,
  asked: [],
  signs: {},
  scores: false,
};

test("a question says what the draft gave, and after the reveal what the target gave", () => {
  // after three proposals and the check
  const first = questionAt(reading, 4);
  assert.match(first?.text ?? "", /“w1” and gives it 80 %/);
  assert.equal(first?.answer, 0);
  assert.match(first?.why ?? "", /gives it 10 %.* 13 %/);
  assert.equal(first?.step, 5);
  assert.equal(questionAt(reading, 5)?.answer, 1);
  assert.equal(questionAt(reading, 0), null);
});

test("after a rejection it is bet on what the target writes", () => {
  const question = questionAt(reading, 6);
  assert.match(question?.text ?? "", /“w2” was rejected/);
  assert.deepEqual(question?.options, ["“w4”", "“w5”"]);
  assert.equal(question?.answer, 0);
  assert.match(question?.why ?? "", /60 %/);
});

test("one bet a pass is on the guess that is rejected, or on the last", () => {
  const steps = reading.steps.map((_, step) => step);
  const bets = steps.filter((step) => betsHere(reading, step, "round"));
  assert.deepEqual(
    bets.map((step) => questionAt(reading, step)?.answer),
    [1, 0],
  );
  assert.equal(steps.filter((step) => betsHere(reading, step, "every")).length, 4);
  assert.equal(steps.filter((step) => betsHere(reading, step, "never")).length, 0);
});

test("the next key alone goes through a whole replay, bets included", () => {
  let now = shared();
  let labels = "";
  for (let presses = 0; presses < 99; presses += 1) {
    const next = nextOf(reading, now, null, overview, "round");
    if (!next) break;
    labels += `${next.label}, `;
    const message = /** @type {any} */ (next.message);
    const bet = now.bet && { ...now.bet };
    if (message.do === "show") now = shared({ step: message.step });
    if (message.do === "open") {
      const { text, options, step } = message.question;
      now = shared({
        step: now.step,
        bet: {
          text,
          options,
          stage: "open",
          again: false,
          counts: null,
          before: null,
          answer: null,
          why: String(step),
          figures: [],
          phase: null,
        },
      });
    }
    if (bet && message.do === "count")
      now = shared({ step: now.step, bet: { ...bet, stage: "counted" } });
    if (bet && message.do === "reveal") {
      now = shared({ step: Number(bet.why), bet: { ...bet, stage: "revealed" } });
    }
    if (message.do === "end") now = shared({ step: now.step });
  }
  assert.equal(now.step, reading.steps.length);
  assert.equal(labels.match(/Let them bet/g)?.length, 2);
});

test("where the room does not agree the next key lets it vote again, once", () => {
  const bet = /** @type {const} */ ({
    text: "?",
    options: ["a", "b"],
    stage: "counted",
    counts: [1, 1],
    before: null,
    answer: null,
    why: "",
    figures: [],
    phase: null,
  });
  const divided = { ...overview, discuss: true };
  const label = (/** @type {boolean} */ again) =>
    nextOf(
      reading,
      shared({ bet: { ...bet, figures: [], options: [...bet.options], counts: [1, 1], again } }),
      null,
      divided,
      "round",
    )?.label;
  assert.equal(label(false), "Discuss, and vote again");
  assert.equal(label(true), "Reveal");
});

test("another seat's view is left before anything else happens", () => {
  const board = { name: "Ann", number: 3 };
  assert.deepEqual(nextOf(reading, shared({ board }), null, overview, "round")?.message, {
    do: "board",
    seat: null,
  });
});

test("a clicker leads through a lesson: bet, votes, what happened, question, next step", () => {
  /** @type {LessonView} */
  const there = {
    id: "guess",
    number: 1,
    of: 2,
    title: "Guess",
    terms: {},
    idea: [],
    given: "",
    material: [],
    shown: [],
    outcome: [],
    exhibit: false,
    upcoming: "Decide",
  };
  /** @type {import("../schemas/told").Lesson} */
  const lesson = { minutes: 45, at: 0, phase: "idea", since: 1 };
  /** @param {Partial<SharedView>} now */
  const next = (now, here = there) => nextOf(null, shared(now), here, overview, "round");
  assert.deepEqual(next({ lesson }), { label: "Let them bet", message: { do: "predict" } });
  const shown = /** @type {const} */ ({ ...lesson, phase: "shown" });
  /** @type {import("../schemas/told").BetView} */
  const bet = {
    text: "?",
    options: ["a", "b"],
    stage: "revealed",
    again: false,
    counts: [1, 0],
    before: null,
    answer: 0,
    why: "",
    figures: [],
    phase: "shown",
  };
  assert.deepEqual(next({ lesson: shown, bet })?.message, {
    do: "end",
  });
  assert.deepEqual(next({ lesson: shown }), { label: "Ask them", message: { do: "predict" } });
  const asked = /** @type {const} */ ({ ...lesson, phase: "asked" });
  const onward = next({ lesson: asked, bet: { ...bet, phase: "asked" } });
  assert.equal(onward?.label, "Next: Decide");
  assert.deepEqual(onward?.message, { do: "teach", lesson: { ...lesson, at: 1 } });
  const end = next({ lesson: asked }, { ...there, number: 2, upcoming: "" });
  assert.deepEqual(end?.message, { do: "teach", lesson: null });
  assert.deepEqual(backOf(shared({ lesson: asked })), { do: "teach", lesson });
});
