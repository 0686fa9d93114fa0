/** The running score, and the race against plain decoding by the clock of the recording. */

/** @import { Reading } from "./trace" */

import { make } from "../shared/dom.js";
import { GLOSSARY } from "../shared/glossary.js";
import { term } from "../shared/term.js";

const SCORED = {
  ours: "Tokens of this text that speculative decoding has made by now: it jumps with every pass.",
  theirs:
    "Tokens that plain decoding would have made by the same time, one after the other, of the same length of text.",
  passing: "Tokens that plain decoding would have made in as many passes of the target: one each.",
  time: "Milliseconds of all rounds so far, as recorded: drafting and verifying, without the prompt's own pass.",
  saved:
    "What plain decoding would have taken for as many tokens, over what speculative decoding took.",
};

/** @param {Reading} reading */
export function replayScore(reading) {
  const figure = (/** @type {string} */ name, /** @type {string} */ title) => {
    const value = make("strong", {}, "–");
    const unit = make("span", { class: "quiet" });
    return {
      value,
      unit,
      element: make("div", {}, make("dt", {}, term(name, title)), make("dd", {}, value, unit)),
    };
  };
  const passes = figure(GLOSSARY.block_efficiency.name, GLOSSARY.block_efficiency.text);
  const accepted = figure("guesses accepted", GLOSSARY["alpha.tested"].text);
  const time = figure("time", SCORED.time);
  const saved = figure("against plain decoding", SCORED.saved);
  const { plain, kept } = reading;
  const ours = track("with the draft", SCORED.ours);
  const theirs = track("target alone", plain ? SCORED.theirs : SCORED.passing);
  const note = make(
    "p",
    { class: "quiet note" },
    "The race: ",
    plain
      ? `both by the same clock, the recorded milliseconds of this replay, and ${plain.ms.toFixed(2)} ms a token of plain decoding (${plain.how}).`
      : "by passes of the target, one token each without a draft. Plain decoding was not timed for this replay, so nothing is said of milliseconds: adaspec measure times it.",
  );
  const element = make(
    "section",
    { class: "score", "aria-label": "Score" },
    make("dl", {}, passes.element, accepted.element, time.element, saved.element),
    make("div", { class: "race" }, ours.element, theirs.element),
  );
  saved.element.hidden = !plain;
  const longest = kept.length;

  /** After so many steps.
   *
   * @param {number} step
   */
  function show(step) {
    const { tokens, passes: passed, accepted: right, tested, ms } = reading.total;
    passes.value.textContent = tokens[step] ? (tokens[step] / passed[step]).toFixed(2) : "–";
    passes.unit.textContent = `${tokens[step]} in ${passed[step]}`;
    accepted.value.textContent = tested[step]
      ? `${((100 * right[step]) / tested[step]).toFixed(0)} %`
      : "–";
    accepted.unit.textContent = `${right[step]} of ${tested[step]}`;
    time.value.textContent = ms[step].toFixed(1);
    time.unit.textContent = "ms";
    compare(step);
    ours.count.textContent = `${tokens[step]} of ${longest}`;
    theirs.count.textContent = `${plainTokens(step, ms[step])} of ${longest}`;
  }

  /** Only whole rounds can be compared: within one nothing is finished.
   *
   * @param {number} step
   */
  function compare(step) {
    if (!plain) return;
    const done = step === 0 ? 0 : roundsDone(step);
    const { tokens, ms } = reading.total;
    const ratio = done ? (plain.ms * tokens[done]) / ms[done] : NaN;
    const won = plain.ms * tokens[done] - ms[done];
    saved.value.textContent = done ? `${ratio.toFixed(2)}×` : "–";
    saved.unit.textContent = !done
      ? ""
      : won >= 0
        ? `${won.toFixed(1)} ms saved`
        : `${(-won).toFixed(1)} ms slower`;
    saved.element.classList.toggle("slower", won < 0);
  }

  /** @param {number} step */
  function roundsDone(step) {
    const { round } = reading.steps[step - 1];
    return step === reading.rounds[round].to ? step : reading.rounds[round].from;
  }

  /**
   * @param {number} step
   * @param {number} now
   */
  function plainTokens(step, now) {
    const made = plain ? Math.floor(now / plain.ms + 1e-9) : reading.total.passes[step];
    return Math.min(longest, made);
  }

  /** Between two steps; `now` is the recording's clock. Only transforms: it is every frame.
   *
   * @param {number} step
   * @param {number} now
   */
  function run(step, now) {
    ours.bar.style.transform = `scaleX(${reading.total.tokens[step] / longest})`;
    const made = plain ? Math.min(longest, now / plain.ms) : plainTokens(step, now);
    theirs.bar.style.transform = `scaleX(${made / longest})`;
  }

  return { element, note, show, run };
}

/** A named bar and its count.
 *
 * @param {string} name
 * @param {string} title
 */
export function track(name, title) {
  const bar = make("i", {});
  const count = make("span", { class: "count" });
  return {
    bar,
    count,
    element: make(
      "div",
      { class: "track", title },
      make("span", {}, name),
      make("div", { class: "lane" }, bar),
      count,
    ),
  };
}
