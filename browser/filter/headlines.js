/** What is true of all tokens at k, and k itself as a slider and a number. */

/** @import { FilterReading } from "../shared/types" */

import { make } from "../shared/dom.js";
import { GLOSSARY } from "../shared/glossary.js";
import { amount, nats, percent, thousandths } from "../shared/numbers.js";
import { term } from "../shared/term.js";
import { ALL } from "./view.js";

/**
 * @typedef {object} Headline
 * @property {string} name
 * @property {string} help
 * @property {(view: FilterReading, k: number) => [value: string, unit: string]} write
 */

/** @type {Headline[]} */
const HEADLINES = [
  {
    name: "filter ratio k",
    help: GLOSSARY.k.text,
    write: (_, k) => [thousandths(k), "0 to 1"],
  },
  {
    name: "tokens kept",
    help: "How many answer tokens are kept at k, and of how many.",
    write: (view, k) => [
      amount(view.kept[k]),
      `${percent(view.kept[k] / view.tokens)} of ${amount(view.tokens)}`,
    ],
  },
  {
    name: "smallest ΔL kept",
    help: `${GLOSSARY.delta.text} Every token kept has at least this much.`,
    write: (view, k) => [nats(view.threshold[k]), "nats"],
  },
  {
    name: "draft's KL kept",
    help:
      "KL(p‖q) summed over the tokens kept, as a share of the sum over all tokens: how much of what " +
      "the draft gets wrong is still trained on.",
    write: (view, k) => [percent(view.mass[k]), "of its sum over all tokens"],
  },
];

/** @param {FilterReading} view */
export function filterNumbers(view) {
  const boxes = HEADLINES.map(({ name, help, write }) => {
    const [value, unit] = [make("strong"), make("span", { class: "quiet" })];
    const heading = make("dt", {}, term(name, help));
    const element = make("div", {}, heading, make("dd", {}, value, unit));
    const show = (/** @type {number} */ k) =>
      ([value.textContent, unit.textContent] = write(view, k));
    return { element, show };
  });
  return {
    element: make("dl", { class: "headlines" }, ...boxes.map((box) => box.element)),
    show: (/** @type {number} */ k) => boxes.forEach((box) => box.show(k)),
  };
}

export function filterDials() {
  const slider = make("input", { type: "range", min: 0, max: ALL, step: 1, "aria-label": "k" });
  const number = make("input", {
    type: "number",
    min: 0,
    max: 1,
    step: 0.001,
    "aria-label": "k as a number",
  });
  const element = make("div", { class: "dials" }, make("span", {}, "k"), slider, number);

  /** @param {number} k */
  function show(k) {
    slider.value = String(k);
    slider.style.setProperty("--k", String(k / ALL));
    slider.setAttribute("aria-valuetext", `k = ${thousandths(k)}`);
    if (!number.matches(":focus")) write(k); // whoever types is not written over
  }

  /** @param {number} k */
  function write(k) {
    number.value = thousandths(k);
  }

  /** The k that a field says; null where it says none.
   *
   * @param {EventTarget | null} field
   */
  function read(field) {
    if (field === slider) return slider.valueAsNumber;
    const typed = Math.round(number.valueAsNumber * ALL);
    return typed >= 0 && typed <= ALL ? typed : null;
  }

  return { element, slider, number, show, write, read };
}
