/** A short decoding whose numbers can be followed by hand. */

/** @import { Proposal, Trace } from "../schemas/trace" */
/** @import { ReplayView } from "../shared/types" */

/**
 * @param {number} token
 * @param {number} p
 * @param {number} q
 * @param {number | null} u
 * @param {boolean | null} accepted
 * @returns {Proposal}
 */
function proposal(token, p, q, u, accepted) {
  return {
    token,
    p,
    q,
    u,
    accepted,
    overlap: 0.5,
    likeliest: [
      [token, p, q],
      [9, 0.1, 0.2],
    ],
  };
}

/** Three passes: one rejected after an accepted guess, all accepted, and no room for a guess.
 *
 * @param {number} temperature
 * @returns {Trace}
 */
function trace(temperature) {
  const drawn_from = /** @type {[number, number][]} */ ([
    [4, 0.6],
    [5, 0.4],
  ]);
  return {
    version: 1,
    target: "target",
    draft: "draft",
    prompt: [0],
    decoding: { gamma: 3, temperature, top_k: 0, top_p: 1, max_new_tokens: 6 },
    seed: 0,
    rounds: [
      {
        proposals: [
          proposal(1, 0.1, 0.8, 0.05, true), // lucky: its chance was 1/8
          proposal(2, 0.45, 0.5, 0.95, false), // unlucky: its chance was 9/10
          proposal(3, 0.5, 0.5, null, null),
        ],
        last: {
          token: 4,
          kind: "residual",
          u: 0.25,
          p: 0.6,
          q: 0.3,
          keep: 0.5,
          drawn_from,
          likeliest: [],
        },
        draft_ms: 3,
        verify_ms: 2,
      },
      {
        proposals: [proposal(5, 0.5, 0.4, 0.5, true), proposal(6, 0.3, 0.6, 0.1, true)],
        last: {
          token: 7,
          kind: "bonus",
          u: 0.5,
          p: 0.7,
          q: 0.35,
          keep: 0.5,
          drawn_from,
          likeliest: [[7, 0.7, 0.35]],
        },
        draft_ms: 2,
        verify_ms: 2,
      },
      {
        proposals: [],
        last: {
          token: 8,
          kind: "bonus",
          u: 0.5,
          p: 1,
          q: null,
          keep: null,
          drawn_from,
          likeliest: [],
        },
        draft_ms: 0,
        verify_ms: 1,
      },
    ],
    prefill_ms: 1,
    plain_ms: 1.5,
    stopped: "length",
  };
}

/** @returns {ReplayView} */
export function view(temperature = 1) {
  return {
    id: "a",
    title: "a prompt",
    target: "target",
    draft: "adaspec",
    trace: trace(temperature),
    steps: 15,
    vocabulary: Object.fromEntries(
      Array.from({ length: 10 }, (_, id) => [id, { text: ` w${id}` }]),
    ),
    pieces: { 5: "€" },
    plain: { ms: 1.5, how: "here" },
    costs: [[3, 0.5, 2]],
    brief: false,
    choosing: false,
  };
}
