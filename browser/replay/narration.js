/** What the player says: of the whole decoding, and of each step. */

/** @import { Reading } from "./trace" */

import { make } from "../shared/dom.js";
import { roundMs } from "./expectation.js";
import { quoted } from "./why.js";

/** @param {Reading} reading */
export function heading({ title, trace }) {
  const { gamma, temperature, top_k: k, top_p: p } = trace.decoding;
  const drawn = [temperature === 0 ? "greedy" : `temperature ${temperature}`];
  if (k) drawn.push(`top-k ${k}`);
  if (p < 1) drawn.push(`top-p ${p}`);
  return make(
    "h2",
    {},
    title,
    make(
      "span",
      {
        class: "quiet",
        title: "Draft length γ, how tokens are drawn, and the seed of the random numbers.",
      },
      `γ = ${gamma} · ${drawn.join(" · ")} · seed ${trace.seed}`,
    ),
  );
}

/** @param {Reading} reading */
export function caption({ trace, draft, target, greedy }) {
  const { gamma } = trace.decoding;
  return make(
    "p",
    { class: "caption" },
    "A small, quick model (the ",
    make("b", {}, `draft, ${draft}`),
    `) guesses the next ${gamma} tokens. The large, slow one (the `,
    make("b", {}, target),
    ") checks all of them in a single pass: it keeps the guesses up to the first it rejects and adds one token of its own. ",
    greedy
      ? "The text is exactly what the target alone would have written, in fewer of its passes."
      : "Nothing is lost: tokens come with exactly the target's own probabilities, in fewer of its passes.",
  );
}

export function invitation() {
  return make(
    "p",
    { class: "quiet" },
    "Here you read why a token was accepted or rejected: of the one that was decided last, or of any that you click.",
  );
}

/** What happens at a step: texts, and tokens as elements.
 *
 * @param {Reading} reading
 * @param {number} step
 * @returns {(string | Node)[]}
 */
export function narration(reading, step) {
  if (step === 0) return ["The prompt is there. Now the draft begins to guess."];
  if (step === reading.steps.length) return ending(reading);
  const { round, kind, chip } = reading.steps[step - 1];
  const guesses = reading.rounds[round].proposals.length;
  const pass = make("b", {}, `Pass ${round + 1}. `);
  if (kind === "check") {
    return guesses
      ? [
          pass,
          `The target reads ${guesses === 1 ? "the guess" : `all ${guesses} guesses`} in one pass …`,
        ]
      : [pass, "There is no room for a guess: the target goes on alone."];
  }
  const word = quoted(reading, chip.token);
  if (kind === "propose")
    return [pass, `The draft guesses (${chip.position + 1} of ${guesses}): `, word];
  if (chip.kind === "residual") return [pass, "↻ The target writes its own token instead: ", word];
  if (chip.kind === "bonus") {
    const added = guesses
      ? "+ All guesses kept, so the target adds one of its own: "
      : "+ The target writes ";
    return [pass, added, word];
  }
  if (chip.kind === "accepted") return [pass, "✓ Accepted: ", word];
  const left = guesses - chip.position - 1;
  const lost = `. The ${left === 1 ? "guess after it is" : `${left} guesses after it are`} thrown away.`;
  return [pass, "✗ Rejected: ", word, left ? lost : ""];
}

/**
 * @param {Reading} reading
 * @returns {(string | Node)[]}
 */
function ending(reading) {
  const { kept, rounds, total, steps, plain } = reading;
  const [tokens, passes, ms] = [kept.length, rounds.length, total.ms[steps.length]];
  return [
    make("b", {}, "The end. "),
    `${tokens} tokens in ${passes} passes of the target; alone it would have needed ${tokens}. `,
    plain ? timed(reading, ms, plain.ms * tokens) : "",
  ];
}

/** Whether it paid; where it did not, why.
 *
 * @param {Reading} reading
 * @param {number} ms
 * @param {number} plainMs
 */
export function timed({ rounds, trace, costs, plain }, ms, plainMs) {
  const both = `${ms.toFixed(0)} ms instead of ${plainMs.toFixed(0)}`;
  if (ms <= plainMs) return `${both}: ${(plainMs / ms).toFixed(2)} times as fast.`;
  const due = costs.length ? rounds.length * roundMs(costs, trace.decoding.gamma) : Infinity;
  if (due < plainMs) {
    return `${both}: slower. At the costs timed for this run it would have been ${due.toFixed(0)} ms: the machine was busy while this was recorded.`;
  }
  const guess = costs.length && plain ? (costs[0][1] / plain.ms).toFixed(2) : null;
  return (
    `${both}: slower. Drafting and checking cost more than the passes they saved` +
    (guess ? `; one guess costs ${guess} of a plain token.` : ".")
  );
}

/**
 * @param {Reading} reading
 * @param {number} step
 */
export function narrated(reading, step) {
  const where =
    step === 0
      ? "beginning"
      : `pass ${reading.steps[step - 1].round + 1} of ${reading.rounds.length}`;
  return `step ${step} of ${reading.steps.length}, ${where}`;
}
