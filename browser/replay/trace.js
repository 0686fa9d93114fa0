/** A trace as steps: what there is to see after each of them, and what has been counted until then.
 *
 * A *chip* is a token of a round: a proposal, or the one that the target added. Step by step, a
 * round's proposals come one by one, are checked at once, are decided one by one, and the target's
 * own token arrives. After step 0 there is nothing. */

/** @import { ReplayView } from "../shared/types" */
/** @import { Last, Proposal, Round as TraceRound } from "../schemas/trace" */

import { GLOSSARY } from "../shared/glossary.js";
import { pieceOf } from "../shared/glyphs.js";
import { costAt } from "./expectation.js";

/**
 * @typedef {object} ChipBase
 * @property {number} round
 * @property {number} position in the round
 * @property {string} id
 * @property {number} token
 * @property {number | null} at place in the text; null where it did not get there
 * @property {number} shown the step after which it is seen
 * @property {number} checked after which the target has read it
 * @property {number} decided after which it is known what became of it
 *
 * @typedef {object} Test against a uniform
 * @property {number} u
 * @property {number} chance min(1, p/q)
 * @property {number} likely the probability of what became of it
 * @property {"lucky" | "unlucky" | null} luck
 *
 * @typedef {ChipBase & { kind: "accepted", data: Proposal, test: Test | null }} Accepted
 * @typedef {ChipBase & { kind: "rejected", data: Proposal, test: Test | null }} Rejected
 * @typedef {ChipBase & { kind: "untested", data: Proposal }} Untested
 * @typedef {ChipBase & { kind: "residual", data: Last }} Residual
 * @typedef {ChipBase & { kind: "bonus", data: Last }} Bonus
 * @typedef {Accepted | Rejected | Untested | Residual | Bonus} Chip
 * @typedef {Chip["kind"]} Kind
 *
 * @typedef {{ round: number, kind: "propose" | "decide" | "add", chip: Chip }
 *   | { round: number, kind: "check", chip: null }} Step
 * @typedef {TraceRound & { number: number, chips: Chip[], from: number, to: number }} Round
 * @typedef {ReturnType<typeof readReplay>} Reading
 */

export const LUCKY = 0.2; // accepted, though it had at most this chance
export const UNLUCKY = 0.8; // rejected, though it had at least this chance

/** @type {Record<Kind | "proposed", [mark: string, name: string, meaning: string]>} */
export const KINDS = {
  proposed: explained("?", GLOSSARY.proposed),
  accepted: explained("✓", GLOSSARY.accepted),
  rejected: explained("✗", GLOSSARY.rejected),
  untested: explained("–", GLOSSARY.untested),
  residual: explained("↻", GLOSSARY.residual),
  bonus: explained("+", GLOSSARY.bonus),
};

/**
 * @param {string} sign
 * @param {{ name: string, text: string }} term
 * @returns {[mark: string, name: string, meaning: string]}
 */
function explained(sign, { name, text }) {
  return [sign, name, text];
}

/** @param {ReplayView} view */
export function readReplay(view) {
  const { trace } = view;
  const greedy = trace.decoding.temperature === 0;
  /** @type {Chip[]} */
  const chips = [];
  /** @type {Step[]} */
  const steps = [];
  /** @type {Round[]} */
  const rounds = [];
  /** @type {Chip[]} chips of the text, in order */
  const kept = [];
  for (const [number, round] of trace.rounds.entries()) {
    const from = steps.length;
    /** @type {Chip[]} */
    const own = round.proposals.map((proposal, position) =>
      proposalChip(number, position, proposal, greedy),
    );
    for (const chip of own) {
      chip.shown = steps.push({ round: number, kind: "propose", chip });
    }
    const checked = steps.push({ round: number, kind: "check", chip: null });
    for (const chip of own) {
      chip.checked = checked;
      if (chip.kind !== "untested") {
        chip.decided = steps.push({ round: number, kind: "decide", chip });
        if (chip.kind === "accepted") chip.at = kept.push(chip) - 1;
      }
    }
    for (const chip of own) chip.decided ||= steps.length; // with the rejection
    if (round.last) {
      const last = lastChip(number, own.length, round.last);
      last.shown =
        last.checked =
        last.decided =
          steps.push({ round: number, kind: "add", chip: last });
      last.at = kept.push(last) - 1;
      own.push(last);
    }
    chips.push(...own);
    rounds.push({ ...round, number, chips: own, from, to: steps.length });
  }
  const total = counts(rounds, steps);
  return {
    ...view,
    greedy,
    chips,
    steps,
    rounds,
    kept,
    total,
    piece: (/** @type {number} */ token) => pieceOf(view.vocabulary, token),
    /** The whole character that a token of the text is a part of. */
    whole: (/** @type {Chip} */ chip) => (chip.at === null ? undefined : view.pieces[chip.at]),
  };
}

/**
 * @param {number} round
 * @param {number} position
 * @param {number} token
 * @returns {ChipBase}
 */
function placed(round, position, token) {
  return {
    round,
    position,
    id: `${round}.${position}`,
    token,
    at: null,
    shown: 0,
    checked: 0,
    decided: 0,
  };
}

/**
 * @param {number} round
 * @param {number} position
 * @param {Proposal} data
 * @param {boolean} greedy
 * @returns {Chip}
 */
function proposalChip(round, position, data, greedy) {
  const chip = { ...placed(round, position, data.token), data };
  if (data.accepted === null) return { ...chip, kind: "untested" };
  const test = greedy || data.u === null ? null : testOf(data.p, data.q, data.u, data.accepted);
  return { ...chip, kind: data.accepted ? "accepted" : "rejected", test };
}

/**
 * @param {number} p
 * @param {number} q
 * @param {number} u
 * @param {boolean} accepted
 * @returns {Test}
 */
function testOf(p, q, u, accepted) {
  const chance = Math.min(1, p / q);
  if (accepted) return { u, chance, likely: chance, luck: chance <= LUCKY ? "lucky" : null };
  return { u, chance, likely: 1 - chance, luck: chance >= UNLUCKY ? "unlucky" : null };
}

/**
 * @param {number} round
 * @param {number} position
 * @param {Last} data
 * @returns {Residual | Bonus}
 */
function lastChip(round, position, data) {
  return { ...placed(round, position, data.token), kind: data.kind, data };
}

/** How a chip looks after a step.
 *
 * @param {Chip} chip
 * @param {number} step
 * @returns {Kind | "hidden" | "proposed" | "checking"}
 */
export function lookOf(chip, step) {
  if (step < chip.shown) return "hidden";
  if (step < chip.checked) return "proposed";
  return step < chip.decided ? "checking" : chip.kind;
}

/** What has been counted after each step; milliseconds are of the recording, at the step's end.
 *
 * @param {Round[]} rounds
 * @param {Step[]} steps
 */
function counts(rounds, steps) {
  const size = steps.length + 1;
  const [tokens, passes, accepted, tested, drafted] = Array.from(
    { length: 5 },
    () => new Uint32Array(size),
  );
  const ms = new Float64Array(size);
  let before = 0;
  for (const round of rounds) {
    const guesses = round.proposals.length;
    let seen = 0; // proposals
    for (let at = round.from + 1; at <= round.to; at += 1) {
      const { kind, chip } = steps[at - 1];
      const keeps = kind === "decide" && chip.kind === "accepted";
      seen += Number(kind === "propose");
      tokens[at] = tokens[at - 1] + Number(keeps || kind === "add");
      passes[at] = passes[at - 1] + Number(kind === "check");
      accepted[at] = accepted[at - 1] + Number(keeps);
      tested[at] = tested[at - 1] + Number(kind === "decide");
      drafted[at] = drafted[at - 1] + Number(kind === "propose");
      ms[at] =
        kind === "propose"
          ? before + (round.draft_ms * seen) / guesses
          : before + round.draft_ms + round.verify_ms;
    }
    before += round.draft_ms + round.verify_ms;
  }
  return { tokens, passes, accepted, tested, drafted, ms };
}

/** When each step is over by one clock for all drafts: the costs that were timed, or the recording's
 * own milliseconds where none were.
 *
 * @param {Pick<Reading, "costs" | "rounds" | "steps" | "total">} reading
 * @returns {Float64Array} milliseconds, after each step
 */
export function clockOf({ costs, rounds, steps, total }) {
  if (!costs.length) return total.ms;
  const clock = new Float64Array(steps.length + 1);
  for (const { from, to, proposals } of rounds) {
    const [draft_ms, verify_ms] = costAt(costs, proposals.length);
    for (let at = from + 1; at <= to; at += 1) {
      const drafted = Math.min(at - from, proposals.length);
      const checked = at - from > proposals.length;
      clock[at] = clock[from] + drafted * draft_ms + (checked ? verify_ms : 0);
    }
  }
  return clock;
}

/** The chip that was decided last, up to a step.
 *
 * @param {Pick<Reading, "steps">} reading
 * @param {number} step
 */
export function lastDecided({ steps }, step) {
  for (let at = step; at > 0; at -= 1) {
    const { kind, chip } = steps[at - 1];
    if (kind === "decide" || kind === "add") return chip;
  }
  return null;
}
