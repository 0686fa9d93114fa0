/** The path: a bet before its answer, what is kept, keys; and what stands between its words. */

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { openPage } from "../shared/testing.js";

/** @import { Bars, LearnStep, LearnView } from "../shared/types" */

/** @type {Map<string, string>} */
const stored = new Map();
globalThis.localStorage = /** @type {any} */ ({
  getItem: (/** @type {string} */ key) => stored.get(key) ?? null,
  setItem: (/** @type {string} */ key, /** @type {string} */ value) => stored.set(key, value),
});
openPage();
for (const name of ["ResizeObserver", "IntersectionObserver"]) {
  Object.assign(globalThis, {
    [name]: class {
      observe() {}
    },
  });
}
Object.assign(globalThis, { addEventListener: () => {} });
const { drawn } = await import("./blocks.js");
const { withOne } = await import("./lab.js");
const { keepProgress, readProgress } = await import("./progress.js");
const { default: path } = await import("./path.js");

/** @type {LearnStep} */
const STEP = {
  id: "a",
  title: "A step",
  idea: [
    ["A ", null],
    ["word", "term"],
  ],
  given: "Given:",
  material: [],
  ask: "Which?",
  options: [
    { id: "x", text: "X" },
    { id: "y", text: "Y" },
  ],
  right: "y",
  shown: [["It was Y.", null]],
  outcome: [],
  question: "Why?",
  answers: [
    { id: "so", text: "So", says: "Yes.", right: true },
    { id: "no", text: "No", says: "Think again.", right: false },
  ],
  look: "Look",
  link: "replay?run=english",
};
/** @type {LearnView} */
const VIEW = {
  terms: { term: "its definition" },
  steps: [STEP, { ...STEP, id: "b", title: "Another" }],
  end: "The end.",
  onward: [],
};

/** @type {HTMLElement} */
let page;
/** @type {unknown[]} */
let told;

beforeEach(() => {
  stored.clear();
  told = [];
  page = openPage();
  Object.assign(globalThis, { HTMLElement: window.HTMLElement, Element: window.Element });
  window.HTMLElement.prototype.scrollIntoView = () => {};
});

/**
 * @param {number | null} step
 * @param {number} [turn]
 */
function show(step, turn = 0) {
  const setStateValue = (/** @type {string} */ _, /** @type {any} */ value) => told.push(value.at);
  const data = { view: VIEW, step, turn, exhibit: null };
  return path({ data, parentElement: page, setStateValue });
}
const text = (/** @type {string} */ selector) => page.querySelector(selector)?.textContent ?? null;
const press = (/** @type {string} */ key) =>
  document.body.dispatchEvent(
    new window.KeyboardEvent("keydown", { key, bubbles: true, composed: true }),
  );

test("nothing is shown before the bet", () => {
  const leave = show(1);
  assert.equal(text("h2"), "1. A step");
  assert.equal(page.querySelector(".term")?.getAttribute("title"), "its definition");
  assert.equal(text(".outcome"), null);
  assert.equal(text(".question"), null);
  assert.equal(page.querySelector("a"), null);
  press("1");
  assert.equal(text(".outcome .reply"), "It went another way. It was Y.");
  assert.equal(page.querySelector("a")?.getAttribute("href"), "replay?run=english");
  press("2");
  assert.equal(text(".question .reply"), "Think again.");
  assert.equal(page.querySelector(".question .right"), null);
  press("1");
  assert.equal(text(".question .reply"), "Yes.");
  assert.deepEqual(readProgress().steps, { a: { bet: "x", answer: "so" } });
  leave();
});

test("a clicker's key leads through: the answer, the question's, the next step", () => {
  const leave = show(1);
  press("PageDown");
  assert.equal(text(".outcome .reply"), "It was Y.");
  press("PageDown");
  assert.equal(text(".question .reply"), "Yes.");
  press("PageDown");
  assert.equal(text("h2"), "2. Another");
  assert.deepEqual(told, [2]);
  press("PageDown");
  press("PageDown");
  assert.equal(text(".end p"), "The end.");
  press("PageDown");
  assert.equal(text("h2"), "2. Another");
  press("PageUp");
  assert.equal(text("h2"), "1. A step");
  leave();
  press("ArrowRight");
  assert.deepEqual(told, [2, 1]); // it hears no keys any more
});

test("without a step in the link it begins where one was", () => {
  keepProgress({ at: 2, steps: { b: { bet: "y" } } });
  const leave = show(null);
  assert.equal(text("h2"), "2. Another");
  assert.equal(text(".outcome .reply"), "As you thought. It was Y.");
  assert.deepEqual(told, [2]); // the address is told
  leave();
});

test("a late answer of the server moves nobody back, a link does", () => {
  const leave = show(1);
  press("ArrowRight");
  press("ArrowLeft");
  press("ArrowRight");
  assert.deepEqual(told, [2, 1, 2]);
  show(1, 2);
  assert.equal(text("h2"), "2. Another");
  show(2, 3);
  assert.equal(text("h2"), "2. Another");
  show(1, 3); // nobody has turned to it here: Back
  assert.equal(text("h2"), "1. A step");
  leave();
});

test("keys with a modifier, and those of a field, are not the path's", () => {
  const leave = show(1);
  const field = document.createElement("input");
  page.append(field);
  field.dispatchEvent(new window.KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
  document.body.dispatchEvent(
    new window.KeyboardEvent("keydown", { key: "ArrowRight", altKey: true, bubbles: true }),
  );
  assert.equal(text("h2"), "1. A step");
  leave();
});

test("one probability is changed, and all still make 1", () => {
  assert.deepEqual(withOne([0.5, 0.25, 0.25], 0, 0), [0, 0.5, 0.5]);
  assert.deepEqual(withOne([1, 0, 0], 0, 0.5), [0.5, 0.25, 0.25]);
  const values = withOne([0.2, 0.3, 0.5], 1, 0.9);
  assert.ok(Math.abs(values.reduce((sum, value) => sum + value, 0) - 1) < 1e-12);
  assert.equal(values[1], 0.9);
});

test("bars are as long as their values", () => {
  /** @type {Bars} */
  const bars = {
    kind: "bars",
    title: "Bars",
    rows: [{ label: "a", value: 1, text: "1.0", low: 0.5, high: 1.5, marked: true }],
    most: 2,
    line: [1, "a line"],
  };
  const figure = drawn(bars);
  const style = (/** @type {string} */ name) =>
    /** @type {HTMLElement} */ (figure.querySelector(name)).style;
  assert.equal(style(".bar i").width, "50%");
  assert.equal(style("u").left, "25%");
  assert.equal(style("u").width, "50%");
  assert.equal(style(".lanes s").left, "50%");
});

test("what both models have in common is added up", () => {
  const row = { label: "a", p: 0.5, q: 0.25, both: 0.25, marked: false };
  const rows = [row, { ...row, p: 0.5, q: 0.75, both: 0.5 }];
  assert.match(drawn({ kind: "pairs", rows, shared: true }).textContent ?? "", /in common: 75 %/);
  assert.doesNotMatch(drawn({ kind: "pairs", rows, shared: false }).textContent ?? "", /common/);
});

test("text is never parsed", () => {
  const chips = [{ text: "<b>", fate: /** @type {const} */ ("kept") }];
  const figure = drawn({ kind: "passage", prompt: "<i>", chips });
  assert.equal(figure.querySelector("i"), null);
  assert.equal(figure.querySelector(".chip")?.textContent, "✓<b>");
});
