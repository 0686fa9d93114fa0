/** The losslessness lab as a page of its own, for those who teach it: the lab, and beneath it what comes by
 * the chosen rule, why so many guesses are kept, what is wrong with each rule, how chi-square grows. */

/** @import { Mounted, Pair } from "../shared/types" */

import { component } from "../shared/component.js";
import { make } from "../shared/dom.js";
import { DRAWS, lab } from "./lab.js";
import { ERROR_RATE, RULES, grouped, growth, limit, overlap } from "./rules.js";

/** @param {number} value */
const share = (value) => `${(100 * value).toFixed(1)} %`;

/**
 * @param {HTMLElement} parent
 * @param {{ rows: Pair[] }} first
 * @returns {Mounted<object>}
 */
function lossless(parent, { rows }) {
  const sums = make("div", { class: "sums" });
  const grows = make("p", { class: "prose grows" });
  const trial = lab(rows, (now) => {
    sums.replaceChildren(table(rows, now));
    grows.replaceChildren(...growing(now));
  });
  const faults = Object.values(RULES).flatMap(({ label, does, fault }) => [
    make("dt", {}, label),
    make("dd", {}, `${does} `, make("strong", {}, fault)),
  ]);
  const root = make(
    "article",
    { class: "learn lossless" },
    make("h1", {}, "Why nothing is lost"),
    make(
      "p",
      { class: "prose" },
      "The draft guesses a token from its distribution q. The guess is kept with probability " +
        "min(1, p/q), where p is the target's. If it is rejected, another token is drawn from the " +
        "residual: what p has more than q, scaled to make 1. Drag both distributions, break the rule, " +
        "and see what comes.",
    ),
    trial.element,
    make("h2", {}, "Where every token comes from"),
    make(
      "p",
      { class: "prose" },
      "A token is guessed with probability q and then kept with min(1, p/q): together q · min(1, p/q) = " +
        "min(p, q). Added up over all tokens, that is how often a guess is kept: the expected acceptance " +
        "rate is Σ min(p, q), what both distributions have in common. The rest, 1 − Σ min(p, q), is " +
        "drawn anew.",
    ),
    sums,
    make("h2", {}, "The rules and their faults"),
    make("dl", {}, ...faults),
    make("h2", {}, "How chi-square grows"),
    grows,
  );
  parent.append(root);
  return {
    show: () => {},
    leave() {
      trial.leave();
      root.remove();
    },
  };
}

/** @typedef {{ p: number[], q: number[], rule: string }} Now */

/** Token by token: kept as a guess, drawn from the residual, and what comes by the rule.
 *
 * @param {Pair[]} rows
 * @param {Now} now
 */
function table(rows, { p, q, rule }) {
  const comes = RULES[rule].comes(p, q);
  const kept = p.map((value, at) => Math.min(value, q[at]));
  const cells = rows.map(({ label }, at) => [
    label,
    share(p[at]),
    share(q[at]),
    share(kept[at]),
    share(p[at] - kept[at]),
    share(comes[at]),
    signed(comes[at] - p[at]),
  ]);
  const sum = (/** @type {number[]} */ values) =>
    share(values.reduce((all, value) => all + value, 0));
  const off = comes.reduce((all, value, at) => all + Math.abs(value - p[at]), 0) / 2;
  const head = ["token", "p", "q", "kept: min(p, q)", "residual: p − min(p, q)", "comes", "off by"];
  const last = ["all", sum(p), sum(q), share(overlap(p, q)), share(1 - overlap(p, q)), sum(comes)];
  return make(
    "table",
    {},
    make("thead", {}, make("tr", {}, ...head.map((text) => make("th", { scope: "col" }, text)))),
    make("tbody", {}, ...cells.map(row)),
    make("tfoot", {}, row([...last, share(off)])),
  );
}

/** @param {string[]} cells */
function row([name, ...cells]) {
  return make(
    "tr",
    {},
    make("th", { scope: "row" }, name),
    ...cells.map((cell) => make("td", {}, cell)),
  );
}

/** @param {number} value */
const signed = (value) =>
  Math.abs(value) < 5e-4 ? "0" : `${value > 0 ? "+" : "−"}${share(Math.abs(value))}`;

/** @param {Now} now */
function growing({ p, q, rule }) {
  const whole = Float32Array.from(p);
  const groups = grouped(whole, DRAWS);
  if (groups.length < 2) return ["One token has it all: there is nothing to test."];
  const freedom = groups.length - 1;
  const most = limit(freedom, ERROR_RATE);
  const slope = growth(RULES[rule].comes(p, q), whole, groups);
  const stays =
    `With right draws chi-square stays near its degrees of freedom, ${freedom} here, however many they ` +
    `are; it ends above ${most.toFixed(1)} once in ${Math.round(1 / ERROR_RATE).toLocaleString("en-US")} times. `;
  if (slope < 1e-9) return [stays, "By this rule, on these distributions, the draws are right."];
  const needed = Math.max(1, Math.ceil((most - freedom) / slope));
  return [
    stays,
    "By a broken rule it grows with the number of draws n, by about n · Σ (d − p)² / p, where d is what comes. ",
    make("strong", {}, `Here that is ${(1000 * slope).toFixed(1)} for every 1,000 draws: `),
    `the line is crossed after about ${needed.toLocaleString("en-US")}.`,
  ];
}

export default component(lossless);
