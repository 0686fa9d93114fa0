/** What a token is drawn from, and the draw: `adaspec.speculation.decoding`'s, in float32 as there. */

/** @import { Decoding } from "../schemas/trace" */

/** The probabilities to draw from; in greedy decoding one token has all. Temperature first, then the
 * top-k likeliest, then the fewest likeliest tokens whose probability reaches top-p.
 *
 * @param {Float32Array} logits
 * @param {Decoding} decoding
 */
export function distribution(logits, { temperature, top_k, top_p }) {
  if (temperature === 0) {
    const all = new Float32Array(logits.length);
    all[argmax(logits)] = 1;
    return all;
  }
  let likely = logits;
  if (top_k > 0 && top_k < logits.length) {
    const least = logits.toSorted()[logits.length - top_k];
    likely = logits.map((logit) => (logit < least ? -Infinity : logit));
  }
  const probabilities = softmax(likely, temperature);
  if (top_p === 1) return probabilities;
  const order = [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a]);
  const kept = new Float32Array(probabilities.length);
  let before = 0;
  for (const token of order) {
    if (before >= top_p) break;
    kept[token] = probabilities[token];
    before += probabilities[token];
  }
  return kept.map((probability) => probability / before);
}

/** @param {Float32Array} logits */
export function softmax(logits, temperature = 1) {
  const most = logits[argmax(logits)];
  const probabilities = new Float32Array(logits.length);
  let whole = 0;
  for (let at = 0; at < logits.length; at += 1) {
    const weight = Math.exp((logits[at] - most) / temperature);
    probabilities[at] = weight;
    whole += weight;
  }
  for (let at = 0; at < logits.length; at += 1) probabilities[at] /= whole;
  return probabilities;
}

/** The first of the largest.
 *
 * @param {Float32Array} values
 */
export function argmax(values) {
  let best = 0;
  for (let at = 1; at < values.length; at += 1) if (values[at] > values[best]) best = at;
  return best;
}

/** The token at which the cumulated weights pass u times their sum.
 *
 * @param {Float32Array} weights
 * @param {number} u
 */
export function draw(weights, u) {
  const limit = u * total(weights);
  let cumulated = 0;
  for (let token = 0; token < weights.length; token += 1) {
    cumulated += weights[token];
    if (cumulated > limit) return token;
  }
  return weights.length - 1;
}

/** max(p - q, 0), not normalised: what the target gives more than the draft.
 *
 * @param {Float32Array} p
 * @param {Float32Array} q
 */
export function residual(p, q) {
  const left = p.map((value, token) => Math.max(value - q[token], 0));
  return left.some((value) => value > 0) ? left : p; // p = q but for rounding: then p is the law
}

/** @param {Float32Array} values */
export function total(values) {
  let sum = 0;
  for (let at = 0; at < values.length; at += 1) sum += values[at];
  return sum;
}
