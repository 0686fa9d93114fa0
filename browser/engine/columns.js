/** What is measured of a token: the columns of the token tables (`adaspec.measurement`), by the
 * formulas of `adaspec.divergence`. Natural logarithms. */

import { TOP, top } from "./record.js";

/** The logarithms of the probabilities that logits stand for.
 *
 * @param {Float32Array} logits
 */
export function logs(logits) {
  let most = -Infinity;
  for (const logit of logits) if (logit > most) most = logit;
  let whole = 0;
  for (const logit of logits) whole += Math.exp(logit - most);
  const less = most + Math.log(whole);
  return logits.map((logit) => logit - less);
}

/** The target's likelihoods at a place.
 *
 * @param {Float32Array} logp
 * @param {number} token that follows
 */
export function targetColumns(logp, token) {
  let entropy = 0;
  for (const log of logp) entropy -= Math.exp(log) * log;
  return { entropy, p: Math.exp(logp[token]) };
}

/** Another model's beside the target's.
 *
 * @param {Float32Array} logp
 * @param {Float32Array} logq
 * @param {number} token that follows
 */
export function draftColumns(logp, logq, token) {
  let [kl, reverse_kl, overlap, rank, best_p, best_q] = [0, 0, 0, 1, 0, 0];
  for (let id = 0; id < logp.length; id += 1) {
    const [p, q, apart] = [Math.exp(logp[id]), Math.exp(logq[id]), logp[id] - logq[id]];
    kl += p * apart;
    reverse_kl -= q * apart;
    overlap += Math.min(p, q);
    if (logq[id] > logq[token]) rank += 1;
    if (logp[id] > logp[best_p]) best_p = id;
    if (logq[id] > logq[best_q]) best_q = id;
  }
  return { kl, reverse_kl, overlap, q: Math.exp(logq[token]), rank, agree: best_p === best_q };
}

/** The likeliest tokens and their probabilities; a smaller vocabulary is filled up with -1.
 *
 * @param {Float32Array} said
 */
export function likeliestOf(said) {
  const ids = top(said);
  const filled = (/** @type {number[]} */ values, /** @type {number} */ by) =>
    [...values, ...Array(TOP).fill(by)].slice(0, TOP);
  return {
    id: filled(ids, -1),
    p: filled(
      ids.map((id) => Math.exp(said[id])),
      0,
    ),
  };
}
