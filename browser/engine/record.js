/** What a decoding saw, turned into the rounds of a trace: `adaspec.speculation.record`. */

/** @import { Decoding, Last, Proposal, Round } from "../schemas/trace" */

import { argmax, softmax, total } from "./sampler.js";

export const TOP = 5;
const LEAST = 1e-4; // of the likeliest tokens, those below are left out
const DIGITS = 1e6; // and the others rounded: they are for the eye

/**
 * @typedef {object} Seen one round
 * @property {number} position in the text, of the first proposal
 * @property {number[]} proposed
 * @property {number} accepted so many of them are in the text
 * @property {number | null} last the token that the target added, if it did
 * @property {Float32Array[]} p after the text, and after each proposal
 * @property {Float32Array[]} q after each token that the draft read: those of the text that it had
 *   yet to read, and the proposals but the last
 * @property {Float32Array} left what the target's token was drawn from, not normalised
 * @property {number} draft_ms
 * @property {number} verify_ms
 *
 * @typedef {[p: Float32Array, q: Float32Array]} Pair
 */

/** The rounds so far. What the draft would have said instead of a bonus token is known one round
 * later, when it reads that token.
 *
 * @param {Decoding} decoding
 * @param {(position: number, purpose: number) => number} chance
 * @param {boolean} detail
 */
export function startRecord({ temperature }, chance, detail) {
  const greedy = temperature === 0;
  /** @type {Round[]} */
  const rounds = [];
  /** @type {{ last: Last, p: Float32Array } | null} */
  let bonus = null;

  /** @param {Last} last
   * @param {Pair} pair
   */
  function compare(last, [p, q]) {
    last.q = q[last.token];
    last.keep = greedy ? Number(argmax(q) === last.token) : Math.min(1, last.q / last.p);
    if (detail && last.kind === "bonus") last.likeliest = likeliest([p, q], last.token);
  }

  return {
    /** What a reader of the trace is shown: in greedy decoding the models' own distributions.
     *
     * @param {Float32Array[]} logits
     * @param {Float32Array[]} laws
     */
    shown: (logits, laws) => (greedy ? logits.map((row) => softmax(row)) : laws),

    /** @param {Seen} seen
     * @returns {Round}
     */
    add({ position, proposed, accepted, last, p, q: asked, left, draft_ms, verify_ms }) {
      const unread = asked.length - (p.length - 2); // proposals - 1 of them were none of the text's
      const q = asked.slice(unread - 1);
      if (bonus && asked.length) compare(bonus.last, [bonus.p, asked[0]]);
      bonus = null;
      /** @type {Proposal[]} */
      const proposals = proposed.map((token, at) => ({
        token,
        p: p[at][token],
        q: q[at][token],
        u: at <= accepted ? chance(position + at, 1) : null,
        accepted: at <= accepted ? at < accepted : null,
        overlap: detail ? overlap([p[at], q[at]]) : null,
        likeliest: detail ? likeliest([p[at], q[at]], token) : [],
      }));
      /** @type {Last | null} */
      let end = null;
      if (last !== null) {
        end = {
          token: last,
          kind: accepted < proposed.length ? "residual" : "bonus",
          u: chance(position + accepted, 2),
          p: p[accepted][last],
          q: null,
          keep: null,
          drawn_from: detail ? drawnFrom(left) : [],
          likeliest: [],
        };
        if (end.kind === "residual") compare(end, [p[accepted], q[accepted]]);
        else bonus = { last: end, p: p[accepted] };
      }
      const round = { proposals, last: end, draft_ms, verify_ms };
      rounds.push(round);
      return round;
    },

    /** All of them, once the text is done. */
    rounds: () => /** @type {[Round, ...Round[]]} */ (rounds),
  };
}

/** The probability that a proposal is accepted, before the token is known.
 *
 * @param {Pair} pair
 */
const overlap = ([p, q]) => total(p.map((value, token) => Math.min(value, q[token])));

/** @param {Float32Array} left */
function drawnFrom(left) {
  const whole = total(left);
  return top(left)
    .map((token) => /** @type {[number, number]} */ ([token, rounded(left[token] / whole)]))
    .filter(([, probability]) => probability >= LEAST);
}

/** The union of both models' likeliest tokens and the given one, by max(p, q).
 *
 * @param {Pair} pair
 * @param {number} given
 */
function likeliest([p, q], given) {
  return [...new Set([...top(p), ...top(q), given])]
    .map(
      (token) =>
        /** @type {[number, number, number]} */ ([token, rounded(p[token]), rounded(q[token])]),
    )
    .filter(([token, ...both]) => Math.max(...both) >= LEAST || token === given)
    .sort((a, b) => Math.max(b[1], b[2]) - Math.max(a[1], a[2]));
}

/** The ids of the largest values, the largest first.
 *
 * @param {Float32Array} values
 */
export function top(values) {
  /** @type {number[]} */
  const ids = [];
  for (let token = 0; token < values.length; token += 1) {
    if (ids.length === TOP && values[token] <= values[ids[TOP - 1]]) continue;
    const at = ids.findIndex((other) => values[token] > values[other]);
    ids.splice(at < 0 ? ids.length : at, 0, token);
    ids.length = Math.min(ids.length, TOP);
  }
  return ids;
}

/** @param {number} value */
const rounded = (value) => Math.round(value * DIGITS) / DIGITS;
