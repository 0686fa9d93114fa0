/** What a pass costs here, and whether speculating pays: `c` and `v` of Leviathan et al. (2211.17192,
 * theorem 3.8), who take v for 1, that of a machine with idle arithmetic. */

/** @import { Model } from "./model.js" */

import { distribution } from "./sampler.js";

/**
 * @typedef {object} Costs measured here
 * @property {number} ms of the target's pass over one token
 * @property {number} c the draft's pass over one token, in such passes
 * @property {number[]} v the target's pass over γ + 1 tokens, in such passes, by γ; v[0] is 1
 *
 * @typedef {object} Verdict
 * @property {number} tokens expected of a round
 * @property {number} speedup tokens in the time of one of plain decoding, here
 * @property {number} idle the same with v = 1: computed for a machine whose idle arithmetic checks
 *   γ + 1 tokens in the time of one
 * @property {string} why in a sentence
 */

const TURNS = 5;
const SPELL = 4; // milliseconds that a turn lasts at least
const TICKS = 16; // of the clock that it lasts at least: Firefox shows whole milliseconds, if that
const AFTER = 64; // positions that were read before

const LAW = { gamma: 0, temperature: 1, top_k: 0, top_p: 1, max_new_tokens: 1 };

/** Times both models' passes, each kind once a turn; its quickest turn counts, since whatever else the
 * machine does makes a pass slower and none quicker. It pauses after every spell.
 *
 * @param {Model} target
 * @param {Model} draft
 * @param {number} gamma the longest draft
 * @returns {Generator<number, Costs>}
 */
export function* measureCosts(target, draft, gamma) {
  const kinds = [
    { model: draft, tokens: 1 },
    ...Array.from({ length: gamma + 1 }, (_, at) => ({ model: target, tokens: at + 1 })),
  ];
  const spell = Math.max(SPELL, TICKS * tick());
  /** @type {number[][]} */
  const spells = kinds.map(() => []);
  for (let turn = 0; turn <= TURNS; turn += 1) {
    for (const [at, { model, tokens }] of kinds.entries()) {
      const ms = msOfPass(model, tokens, spell);
      if (turn) spells[at].push(ms); // the first warms up
      yield turn;
    }
  }
  const [draft_ms, ...target_ms] = spells.map((list) => Math.min(...list));
  const [ms] = target_ms;
  return { ms, c: draft_ms / ms, v: target_ms.map((each) => each / ms) };
}

/** Milliseconds between two times that the clock shows. */
function tick() {
  const since = performance.now();
  let now = since;
  while (now === since) now = performance.now();
  return now - since;
}

/** Of reading so many tokens, with the law of what follows each, as decoding needs it.
 *
 * @param {Model} model
 * @param {number} tokens
 * @param {number} spell milliseconds to do it for
 */
function msOfPass(model, tokens, spell) {
  const ids = Array.from({ length: tokens }, (_, at) => at % model.vocabulary);
  const position = Math.min(AFTER, model.context - tokens);
  const begun = performance.now();
  let spent = 0;
  let passes = 0;
  while (spent < spell) {
    for (const logits of model.read(ids, position)) distribution(logits, LAW);
    passes += 1;
    spent = performance.now() - begun;
  }
  return spent / passes;
}

/** Whether speculating pays, at a draft length and an acceptance rate.
 *
 * @param {Costs} costs
 * @param {number} gamma
 * @param {number} alpha the share of tested proposals that are accepted
 * @returns {Verdict}
 */
export function verdictOf({ c, v }, gamma, alpha) {
  const tokens = alpha === 1 ? gamma + 1 : (1 - alpha ** (gamma + 1)) / (1 - alpha);
  const speedup = tokens / (gamma * c + v[gamma]);
  const idle = tokens / (gamma * c + 1);
  const expected = `A round gives ${tokens.toFixed(2)} tokens on average`;
  const spent = `takes as long as ${(gamma * c + v[gamma]).toFixed(2)} of plain decoding`;
  return { tokens, speedup, idle, why: `${expected} and ${spent}${reason(speedup, idle)}` };

  /** @param {number} here @param {number} elsewhere */
  function reason(here, elsewhere) {
    if (here > 1) return ": speculating pays here.";
    const checking = `checking ${gamma + 1} tokens takes ${v[gamma].toFixed(1)} times as long as one`;
    if (elsewhere > 1) {
      return `: it does not pay here, since ${checking}. A machine with idle arithmetic checks them at once.`;
    }
    return `: it would pay nowhere, since drafting ${gamma} tokens alone takes ${(gamma * c).toFixed(2)}, and too few are accepted.`;
  }
}
