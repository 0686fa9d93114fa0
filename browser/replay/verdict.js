/** Whether speculating pays in this browser, and why; beside it a machine with idle arithmetic. */

/** @import { Costs } from "../engine/costs.js" */
/** @import { Trace } from "../schemas/trace" */

import { verdictOf } from "../engine/costs.js";
import { make } from "../shared/dom.js";
import { term } from "../shared/term.js";

const WORDS = {
  alone: "The target's pass over one token, as timed in this browser.",
  here: "A round's guesses and its check, as timed in this browser, over the tokens that a round gives.",
  idle: "Computed, not timed: what it would be where the target checks all guesses in the time of one token (v = 1), as on a machine whose arithmetic waits for memory.",
  c: "The draft's pass over one token, in passes of the target: timed in this browser.",
  v: "The target's pass over γ + 1 tokens, in passes over one: timed in this browser.",
  alpha: "Of this text's tested guesses, those that were kept.",
};

/** Nothing where no guess was tested.
 *
 * @param {Costs} costs
 * @param {Trace} trace
 */
export function verdict(costs, { decoding: { gamma }, rounds }) {
  const tested = rounds
    .flatMap(({ proposals }) => proposals)
    .filter(({ accepted }) => accepted !== null);
  if (!tested.length) return null;
  const alpha = tested.filter(({ accepted }) => accepted).length / tested.length;
  const { speedup, idle, why } = verdictOf(costs, gamma, alpha);
  const longest = Math.max(1, 1 / speedup, 1 / idle);
  const track = (/** @type {string} */ name, /** @type {string} */ title, share = 1, note = "") =>
    make(
      "div",
      { class: "track" },
      make("span", {}, term(name, title), note && make("em", {}, note)),
      make(
        "div",
        { class: "lane" },
        make("i", { style: `transform: scaleX(${share / longest})`, class: note || "timed" }),
      ),
      make("span", { class: "count" }, `${(share * costs.ms).toFixed(2)} ms`),
    );
  const passes = (/** @type {number} */ value) => value.toFixed(2);
  return make(
    "section",
    { class: "paying", "aria-label": "Whether speculating pays in this browser" },
    make(
      "div",
      {},
      make(
        "h2",
        {},
        speedup > 1
          ? `Speculating pays in this browser: ${speedup.toFixed(2)} times as fast.`
          : `Speculating does not pay in this browser: ${speedup.toFixed(2)} times as fast.`,
      ),
      make("p", {}, `${why}`),
      make(
        "p",
        { class: "quiet" },
        term("c", WORDS.c),
        ` = ${passes(costs.c)} · `,
        term(`v(${gamma + 1})`, WORDS.v),
        ` = ${passes(costs.v[gamma])} · `,
        term("α", WORDS.alpha),
        ` = ${alpha.toFixed(2)} of ${tested.length}`,
      ),
    ),
    make(
      "div",
      { class: "clock" },
      make("p", { class: "quiet" }, "Milliseconds a token, at this text's acceptance rate:"),
      track("target alone", WORDS.alone),
      track("with the draft", WORDS.here, 1 / speedup),
      track("idle arithmetic", WORDS.idle, 1 / idle, "computed"),
    ),
  );
}
