/** What the recorded text would have cost at another draft length. */

/** @import { Cost } from "../shared/types" */
/** @import { Reading } from "./trace" */

/** The passes that the same text would take at another draft length, in expectation.
 *
 * Given the text, a proposal is accepted at place t with probability keep[t], whatever happened
 * before. starts[t] is the probability that a round starts at t; the target adds a token after
 * the last accepted one. Exact in greedy decoding, where keep is 0 or 1.
 *
 * @param {number} gamma
 * @param {ArrayLike<number>} keep
 */
export function passesAt(gamma, keep) {
  const end = keep.length;
  const starts = new Float64Array(end + 1);
  starts[0] = 1;
  let passes = 0;
  for (let t = 0; t < end; t += 1) {
    passes += starts[t];
    let reached = starts[t];
    for (let i = 0; i < gamma && t + i + 1 < end; i += 1) {
      starts[t + i + 1] += reached * (1 - keep[t + i]);
      reached *= keep[t + i];
    }
    starts[Math.min(end, t + gamma + 1)] += reached;
  }
  return passes;
}

/** keep of every token of the text, as adaspec.speculation.trace.emitted has it.
 *
 * @param {Pick<Reading, "kept" | "greedy">} reading
 */
export function keeps({ kept, greedy }) {
  return kept.map((chip) => {
    if (chip.kind === "residual" || chip.kind === "bonus") return chip.data.keep ?? 0;
    return greedy ? 1 : Math.min(1, chip.data.q / chip.data.p);
  });
}

/** Milliseconds of a drafted token and of a check, at a draft length: measured ones, those between
 * them interpolated, those beyond them as at the nearest.
 *
 * @param {Cost[]} costs
 * @param {number} gamma
 * @returns {[draft_ms: number, verify_ms: number]}
 */
export function costAt(costs, gamma) {
  const above = costs.findIndex(([timed]) => timed >= gamma);
  const high = costs[above < 0 ? costs.length - 1 : above];
  const low = costs[above <= 0 ? (above < 0 ? costs.length - 1 : 0) : above - 1];
  const share = high[0] === low[0] ? 0 : (gamma - low[0]) / (high[0] - low[0]);
  const between = (/** @type {1 | 2} */ column) =>
    low[column] + share * (high[column] - low[column]);
  return [between(1), between(2)];
}

/** Milliseconds of a round at a draft length.
 *
 * @param {Cost[]} costs
 * @param {number} gamma
 */
export function roundMs(costs, gamma) {
  const [draft_ms, verify_ms] = costAt(costs, gamma);
  return gamma * draft_ms + verify_ms;
}
