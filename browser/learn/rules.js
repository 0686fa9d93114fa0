/** One token of speculative decoding between two distributions, by the rule and by broken rules, and
 * the chi-square test that tells them apart.
 *
 * Twins: `accept` and the residual of `adaspec.speculation.decoding`, by way of `engine/sampler.js`. */

import { draw, residual } from "../engine/sampler.js";

export const UNIFORMS = 6; // of one draw
export const ERROR_RATE = 0.001; // how often the test takes the right rule for a broken one
const LEAST = 5; // draws that are expected of a token, or it is counted together with others

/**
 * @typedef {(p: Float32Array, q: Float32Array, u: ArrayLike<number>, from: number) => Draw} Rule
 * @typedef {{ token: number, kept: boolean }} Draw
 */

/** Guess from q, keep with probability min(1, p / q), else draw from the residual.
 *
 * @type {Rule}
 */
function byTheRule(p, q, u, from) {
  const guess = draw(q, u[from]);
  if (u[from + 1] * q[guess] < p[guess]) return { token: guess, kept: true };
  return { token: draw(residual(p, q), u[from + 2]), kept: false };
}

/** @type {Rule} */
function keepAll(_p, q, u, from) {
  return { token: draw(q, u[from]), kept: true };
}

/** @type {Rule} */
function fromTarget(p, q, u, from) {
  const { token, kept } = byTheRule(p, q, u, from);
  return kept ? { token, kept } : { token: draw(p, u[from + 2]), kept };
}

/** The token after a rejected one, taken from the draft untested: it was guessed for another text.
 *
 * @type {Rule}
 */
function keepAfterRejection(p, q, u, from) {
  const before = byTheRule(p, q, u, from);
  return before.kept ? byTheRule(p, q, u, from + 3) : keepAll(p, q, u, from + 3);
}

/** @param {Numbers} p
 * @param {Numbers} q
 */
export const overlap = (p, q) => p.reduce((sum, value, at) => sum + Math.min(value, q[at]), 0);

/** `comes`: how often each token comes by the rule, exactly; `fault`: what is wrong with that.
 *
 * @typedef {number[]} Numbers
 * @type {Record<string, { label: string, does: string, fault: string, rule: Rule, comes: (p: Numbers, q: Numbers) => Numbers }>}
 */
export const RULES = {
  right: {
    label: "the rule, unbroken",
    does: "Keep with probability min(1, p/q); else draw from the residual.",
    fault:
      "It has no fault. Kept guesses bring min(p, q) of each token; the residual brings the rest, p − min(p, q). Together that is p.",
    rule: byTheRule,
    comes: (p) => p,
  },
  all: {
    label: "keep every guess",
    does: "Whatever the draft guesses stays.",
    fault: "The text is the draft's: q comes instead of p.",
    rule: keepAll,
    comes: (_p, q) => q,
  },
  target: {
    label: "replace from the whole target",
    does: "A rejected guess is replaced by a draw from p, not from the residual.",
    fault:
      "Tokens that both models expect come twice: once as kept guesses, and again among the replacements. Each comes with min(p, q) + (1 − Σ min(p, q)) p.",
    rule: fromTarget,
    comes: (p, q) => p.map((value, at) => Math.min(value, q[at]) + (1 - overlap(p, q)) * value),
  },
  after: {
    label: "keep the guess after a rejected one",
    does: "Where a guess was rejected, the draft's next guess stays, untested.",
    fault:
      "After a rejection the text is the draft's for a token: a share of 1 − Σ min(p, q) of them comes from q.",
    rule: keepAfterRejection,
    comes: (p, q) => p.map((value, at) => value * overlap(p, q) + (1 - overlap(p, q)) * q[at]),
  },
};

/** By how much chi-square grows with every draw, where tokens come so often: 0 by the right rule.
 *
 * @param {Numbers} comes
 * @param {Float32Array} p
 * @param {number[][]} groups as `grouped` makes them
 */
export function growth(comes, p, groups) {
  return groups.reduce((sum, group) => {
    const expected = group.reduce((all, token) => all + p[token], 0);
    const seen = group.reduce((all, token) => all + comes[token], 0);
    return sum + (seen - expected) ** 2 / Math.max(expected, 1e-9);
  }, 0);
}

/** How often each token comes: the draws from `first` to `last`, added to the counts.
 *
 * @param {Rule} rule
 * @param {Float32Array} p
 * @param {Float32Array} q
 * @param {ArrayLike<number>} u `UNIFORMS` of every draw
 * @param {{ counts: number[], kept: number }} so changed
 * @param {number} first
 * @param {number} last
 */
export function addDraws(rule, p, q, u, so, first, last) {
  for (let at = first; at < last; at += 1) {
    const { token, kept } = rule(p, q, u, at * UNIFORMS);
    so.counts[token] += 1;
    so.kept += Number(kept);
  }
}

/** Pearson's chi-square of counts against p, over groups of tokens that are each expected often
 * enough at the end.
 *
 * @param {number[]} counts
 * @param {Float32Array} p
 * @param {number[][]} groups as `grouped` makes them
 */
export function chiSquare(counts, p, groups) {
  const drawn = counts.reduce((sum, count) => sum + count, 0);
  if (drawn === 0) return 0;
  return groups.reduce((sum, group) => {
    const expected = drawn * group.reduce((all, token) => all + p[token], 0);
    const seen = group.reduce((all, token) => all + counts[token], 0);
    return sum + (seen - expected) ** 2 / Math.max(expected, 1e-9);
  }, 0);
}

/** Tokens with an expected count of `LEAST` by themselves; rare ones together, with the next larger
 * where that is not enough.
 *
 * @param {Float32Array} p
 * @param {number} draws in all
 */
export function grouped(p, draws) {
  const order = [...p.keys()].sort((a, b) => p[a] - p[b]);
  /** @type {number[][]} */
  const groups = [];
  /** @type {number[]} */
  let group = [];
  let expected = 0;
  for (const token of order) {
    group.push(token);
    expected += draws * p[token];
    if (expected < LEAST) continue;
    groups.push(group);
    [group, expected] = [[], 0];
  }
  return groups;
}

/** The chi-square that right draws pass with this probability.
 *
 * @param {number} freedom degrees of freedom, at least 1
 * @param {number} rate
 */
export function limit(freedom, rate) {
  let [low, high] = [0, 100 + 10 * freedom];
  for (let turn = 0; turn < 60; turn += 1) {
    const middle = (low + high) / 2;
    if (tail(middle, freedom) > rate) low = middle;
    else high = middle;
  }
  return high;
}

/** P(chi-square > x), by the recurrence over degrees of freedom (Abramowitz and Stegun, 26.4.4-5).
 *
 * @param {number} x
 * @param {number} freedom
 */
export function tail(x, freedom) {
  const odd = freedom % 2 === 1;
  let probability = odd ? 2 * normalTail(Math.sqrt(x)) : Math.exp(-x / 2);
  let term = odd ? Math.sqrt((2 * x) / Math.PI) * Math.exp(-x / 2) : (x / 2) * Math.exp(-x / 2);
  for (let n = odd ? 3 : 4; n <= freedom; n += 2) {
    probability += term;
    term *= x / n;
  }
  return probability;
}

/** P(normal > z) for z >= 0, to 1e-7 (Abramowitz and Stegun, 26.2.17).
 *
 * @param {number} z
 */
function normalTail(z) {
  const t = 1 / (1 + 0.2316419 * z);
  const sum =
    t *
    (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return (sum * Math.exp((-z * z) / 2)) / Math.sqrt(2 * Math.PI);
}
