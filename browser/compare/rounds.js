/** Rounds of a decoding by places in its text, and where two decodings decide differently. */

/** @import { LaneRound } from "../shared/types" */

/**
 * @typedef {object} Tested a proposal
 * @property {number} token
 * @property {number} p
 * @property {number} q
 * @property {number | null} u
 * @property {boolean | null} accepted null: not tested, because one before it was rejected
 * @property {number} position in the text
 * @property {number} row number of its round
 *
 * @typedef {object} Round
 * @property {Tested[]} proposals
 * @property {{ token: number, kind: "residual" | "bonus", position: number } | null} last
 * @property {number} after length of the text after it
 *
 * @typedef {object} Lane
 * @property {Round[]} rounds
 * @property {number[]} text
 * @property {Map<number, Tested>} tested the proposals that were, by position
 *
 * @typedef {object} Disagreement
 * @property {number[]} rows
 * @property {number} position
 * @property {string} keeps key of the draft that accepts
 * @property {[number, number]} tokens
 */

/**
 * @param {LaneRound[]} rounds
 * @returns {Lane}
 */
export function readRounds(rounds) {
  /** @type {number[]} */
  const text = [];
  /** @type {Map<number, Tested>} */
  const tested = new Map();
  const read = rounds.map((round, row) => {
    const start = text.length;
    const proposals = round.proposals.map(([token, p, q, u, accepted], at) => {
      const proposal = { token, p, q, u, accepted, position: start + at, row };
      if (accepted !== null) tested.set(proposal.position, proposal);
      if (accepted) text.push(token);
      return proposal;
    });
    const last = round.last && {
      token: round.last[0],
      kind: round.last[1],
      position: text.length,
    };
    if (last) text.push(last.token);
    return { proposals, last, after: text.length };
  });
  return { rounds: read, text, tested };
}

/** The first place where two texts differ; where the shorter one ends, if it is the other's beginning;
 * Infinity where they are equal.
 *
 * @param {number[]} a
 * @param {number[]} b
 */
export function firstDifference(a, b) {
  const most = Math.min(a.length, b.length);
  for (let at = 0; at < most; at += 1) if (a[at] !== b[at]) return at;
  return a.length === b.length ? Infinity : most;
}

/** Where of two drafts one accepts and the other rejects, as long as their texts are the same.
 *
 * @param {Record<string, Lane>} lanes
 * @param {string} a
 * @param {string} b
 * @returns {Disagreement[]}
 */
export function disagreements(lanes, a, b) {
  const shared = firstDifference(lanes[a].text, lanes[b].text);
  /** @type {Disagreement[]} */
  const list = [];
  for (const [position, ours] of lanes[a].tested) {
    const theirs = lanes[b].tested.get(position);
    if (position > shared || !theirs || ours.accepted === theirs.accepted) continue;
    list.push({
      rows: [ours.row, theirs.row],
      position,
      keeps: ours.accepted ? a : b,
      tokens: [ours.token, theirs.token],
    });
  }
  return list;
}
