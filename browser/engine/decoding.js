/** Draft and verify: speculative decoding as in Leviathan et al. (2211.17192), Algorithm 1; the twin
 * of `adaspec.speculation.decoding`, decision for decision. */

/** @import { Decoding, Round, Trace } from "../schemas/trace" */
/** @import { Model } from "./model.js" */

import { PASS } from "./model.js";
import { textOf } from "./pieces.js";
import { startRecord } from "./record.js";
import { distribution, draw, residual, total } from "./sampler.js";
import { DRAFT, LAST, TEST, uniforms } from "./uniforms.js";

/**
 * @typedef {object} Request
 * @property {Model} target
 * @property {Model | null} draft null where gamma is 0: plain decoding with the target alone
 * @property {number[]} prompt token ids, at least one
 * @property {Decoding} decoding
 * @property {number} seed of the uniforms
 * @property {number | null} eos the token that ends a text; null: none does
 * @property {boolean} [detail] keep the overlap and the likeliest tokens of every position too
 * @property {(round: Round) => void} [hear] is told of every round once it is over
 */

/** Continue a prompt, and keep every decision. It pauses after every pass of the target, with the
 * number of tokens so far, so that its caller can stop it.
 *
 * @param {Request} request
 * @returns {Generator<number, Trace>}
 * @throws {Error} the prompt is empty, too long, or has tokens that not both models know; or a model
 *   gives no numbers.
 */
export function* decode({ target, draft, prompt, decoding, seed, eos, detail = true, hear }) {
  const { gamma, max_new_tokens } = decoding;
  const models = draft ? [target, draft] : [target];
  const room = roomFor(prompt, models, max_new_tokens);
  const table = uniforms(seed, room - prompt.length + 1);
  const chance = (/** @type {number} */ position, /** @type {number} */ purpose) =>
    table[3 * (position - prompt.length) + purpose];

  const begun = performance.now();
  for (let at = 0; at < prompt.length - 1; at += PASS) {
    const ids = prompt.slice(at, Math.min(at + PASS, prompt.length - 1));
    for (const model of models) model.remember(ids, at);
    yield 0;
  }
  const prefill_ms = performance.now() - begun;

  const text = [...prompt];
  const record = startRecord(decoding, chance, detail);
  let unread = 1; // of the text's tokens, by the draft
  let ended = false;
  while (text.length < room && !ended) {
    const length = text.length;
    const count = draft ? Math.min(gamma, room - length - 1) : 0;
    const start = performance.now();

    /** @type {Float32Array[]} what the draft says after each token that it reads */
    const q_seen = [];
    /** @type {Float32Array[]} */
    const q = [];
    /** @type {number[]} */
    let proposed = [];
    let ids = text.slice(-unread);
    for (let at = 0; draft && at < count; at += 1) {
      const logits = draft.read(ids, length + at - ids.length);
      const laws = logits.map((row) => distribution(numbers(row, "draft"), decoding));
      q_seen.push(...record.shown(logits, laws));
      q.push(laws[laws.length - 1]);
      ids = [draw(q[at], chance(length + at, DRAFT))];
      proposed.push(ids[0]);
    }
    const middle = performance.now();

    const logits = target.read([text[length - 1], ...proposed], length - 1);
    const p = logits.map((row) => distribution(numbers(row, "target"), decoding));
    const p_seen = record.shown(logits, p);
    let accepted = 0;
    while (accepted < count) {
      const token = proposed[accepted];
      if (chance(length + accepted, TEST) * q[accepted][token] >= p[accepted][token]) break;
      accepted += 1;
    }
    const left = accepted < count ? residual(p[accepted], q[accepted]) : p[accepted];
    const last = draw(left, chance(length + accepted, LAST));
    unread = accepted === gamma ? 2 : 1;

    // What the draft says after the end of the text is not proposed.
    const end = eos === null ? -1 : proposed.indexOf(eos);
    if (end >= 0) proposed = proposed.slice(0, end + 1);
    accepted = Math.min(accepted, proposed.length);
    text.push(...proposed.slice(0, accepted));
    ended = accepted > 0 && text[text.length - 1] === eos;
    const added = ended ? null : last;
    if (added !== null) {
      text.push(added);
      ended = added === eos;
    }
    const now = performance.now();
    const round = record.add({
      position: length,
      proposed,
      accepted,
      last: added,
      p: p_seen,
      q: q_seen,
      left,
      draft_ms: middle - start,
      verify_ms: Math.max(now - middle, TICK),
    });
    hear?.(round);
    yield text.length - prompt.length;
  }

  const stopped = ended
    ? "eos"
    : text.length - prompt.length === max_new_tokens
      ? "length"
      : "context";
  return {
    version: 1,
    target: "",
    draft: "",
    prompt,
    decoding,
    seed,
    rounds: record.rounds(),
    prefill_ms,
    plain_ms: null,
    stopped,
  };
}

/** As `decode`, with `plain_ms`: the target alone decodes before and after. A few tokens of each warm
 * up and do not count. It pauses with the number of tokens of all three.
 *
 * @param {Request} request with a draft
 * @returns {Generator<number, Trace>}
 */
export function* decodeBesidePlain(request) {
  const { decoding } = request;
  /** @type {Request} */
  const plain = { ...request, draft: null, decoding: { ...decoding, gamma: 0 }, detail: false };
  for (const each of [plain, request]) yield* after(0, decode(few(each)), 0);
  const before = yield* decode(plain);
  const made = before.rounds.length; // one token each
  const trace = yield* after(made, decode(request));
  const again = yield* after(made + textOf(trace).length, decode(plain));
  return { ...trace, plain_ms: (msOfToken(before) + msOfToken(again)) / 2 };
}

/** A few tokens of a decoding, which warm up.
 *
 * @param {Request} request
 * @returns {Request}
 */
function few(request) {
  const { decoding } = request;
  return { ...request, decoding: { ...decoding, max_new_tokens: decoding.gamma + 2 } };
}

/** @typedef {{ round: Round, plain_ms: number }} Heard a round, and what the target took after it for
 *   its pass over the newest token alone: a token of plain decoding */

/** As `decode`, told round by round. Plain passes are timed between the rounds, since whatever else
 * the machine does then slows both; they read what the next round reads again, and change nothing.
 *
 * @param {Request} request with a draft
 * @returns {Generator<Heard | null, Trace["stopped"]>} null: it goes on
 */
export function* decodeAloud(request) {
  const { target, prompt, decoding } = request;
  const plainly = { ...request, detail: false };
  const warming = decode(few(plainly));
  while (!warming.next().done) yield null;
  const text = [...prompt];
  /** @type {Round[]} */
  const heard = [];
  const steps = decode({ ...plainly, hear: (round) => heard.push(round) });
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value.stopped;
    const round = heard.pop();
    if (round) {
      text.push(...textOf({ rounds: [round] }));
      const begun = performance.now();
      const [logits] = target.read(text.slice(-1), text.length - 1);
      draw(distribution(logits, decoding), 0.5);
      yield { round, plain_ms: Math.max(performance.now() - begun, TICK) };
    } else yield null;
  }
}

/** The same steps, when so many tokens were made before.
 *
 * @param {number} made
 * @param {Generator<number, Trace>} steps
 * @param {number} [share] of their own tokens that counts
 * @returns {Generator<number, Trace>}
 */
function* after(made, steps, share = 1) {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    yield made + share * value;
  }
}

/** @param {Trace} trace of plain decoding, which has a token a round */
function msOfToken({ rounds }) {
  return rounds.reduce((sum, { verify_ms }) => sum + verify_ms, 0) / rounds.length;
}

/** Milliseconds; a browser's clock may stand still for a whole pass, and no pass takes no time. */
const TICK = 0.001;

/** What work that pauses comes to, without its pauses.
 *
 * @template T
 * @param {Generator<unknown, T>} steps
 */
export function atOnce(steps) {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** The most tokens of prompt and text.
 *
 * @param {number[]} prompt
 * @param {Model[]} models
 * @param {number} newTokens
 */
function roomFor(prompt, models, newTokens) {
  if (!prompt.length) throw new Error("There is nothing to go on from: write a prompt.");
  const vocabulary = Math.min(...models.map((model) => model.vocabulary));
  const unknown = prompt.find((token) => token >= vocabulary);
  if (unknown !== undefined) {
    throw new Error(`Not both models know the token ${unknown}: leave it out.`);
  }
  const context = Math.min(...models.map((model) => model.context));
  if (prompt.length >= context) {
    throw new Error(
      `The prompt has ${prompt.length} tokens; the models take ${context}: shorten it.`,
    );
  }
  return Math.min(prompt.length + newTokens, context);
}

/** @param {Float32Array} logits
 * @param {"target" | "draft"} role
 */
function numbers(logits, role) {
  if (Number.isNaN(total(logits))) {
    throw new Error(
      `The logits of the ${role} are not numbers: its training diverged, or its weights are damaged. Choose another model.`,
    );
  }
  return logits;
}
