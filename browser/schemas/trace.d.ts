/* Built by `make browser` from trace.json. */

/**
 * A whole decoding.
 *
 * Attributes:
 *     target, draft: what they are called; the draft is empty in plain decoding (gamma = 0).
 *     prompt: token ids.
 *     seed: of the uniforms. Those of a position depend on seed and position alone, so that two
 *         drafts on one prompt are tested with the same ones.
 *     prefill_ms: both models' passes over the prompt, which `rounds` leaves out.
 *     plain_ms: milliseconds a token of plain decoding with the same prompt and settings, by the
 *         same clock, mean of one before and one after; None where nobody measured it.
 *     stopped: at the end of the sequence, at `max_new_tokens`, or at a model's context limit.
 */
export interface Trace {
  version: 1;
  target: string;
  draft: string;
  prompt: number[];
  decoding: Decoding;
  seed: number;
  /**
   * @minItems 1
   */
  rounds: [Round, ...Round[]];
  prefill_ms: number;
  plain_ms: number | null;
  stopped: "eos" | "length" | "context";
}
/**
 * How speculative decoding draws tokens, from target and draft alike.
 */
export interface Decoding {
  /**
   * 0: greedy, the likeliest token
   */
  temperature: number;
  /**
   * only the k likeliest tokens; 0: all
   */
  top_k: number;
  /**
   * only the smallest set of likeliest tokens that reaches it
   */
  top_p: number;
  /**
   * draft length; 0: the target alone
   */
  gamma: number;
  /**
   * of each decoded text
   */
  max_new_tokens: number;
}
/**
 * One pass of the target.
 *
 * Attributes:
 *     proposals: fewer than gamma where the text has no room for more, or the draft ended it.
 *     last: None where an accepted proposal ended the text.
 *     draft_ms, verify_ms: wall-clock milliseconds of drafting, and of the target's pass with all
 *         its decisions.
 */
export interface Round {
  proposals: Proposal[];
  last: Last | null;
  draft_ms: number;
  verify_ms: number;
}
/**
 * One drafted token.
 *
 * p and q are those of `Decoding`'s temperature, top-k and top-p; in greedy decoding, where both
 * would be 0 or 1, they are the models' own, at temperature 1.
 *
 * Attributes:
 *     p, q: probabilities of this token in target and draft, given the tokens before it.
 *     u: the uniform it was tested with: accepted if u < min(1, p / q), in greedy decoding if both
 *         models have the same likeliest token. None where it was not tested, because one before
 *         it was rejected: p is then of a text that never came to be.
 *     accepted: None where it was not tested.
 *     overlap: beta = sum_x min(p, q) here, the acceptance rate before the token is known; None
 *         where no details were asked for.
 *     likeliest: the union of both models' five likeliest tokens and this one, by max(p, q);
 *         rounded to 6 decimals, others than this one only from 0.0001 on.
 */
export interface Proposal {
  token: number;
  p: number;
  q: number;
  u: number | null;
  accepted: boolean | null;
  overlap: number | null;
  likeliest: [number, number, number][];
}
/**
 * The token that the target adds at a round's end.
 *
 * Attributes:
 *     kind: `residual` in place of a rejected proposal, drawn from norm(max(p - q, 0)); `bonus`
 *         after the last accepted one, drawn from p.
 *     u: the uniform it was drawn with, by inverse of the cumulated distribution.
 *     p, q: probabilities of this token, as in `Proposal`; q is None at the text's end, where the
 *         draft was not asked any more.
 *     keep: min(1, q / p): the probability that the draft would have proposed this token and kept
 *         it, given that this token came (in greedy decoding 0 or 1). None where q is.
 *     drawn_from: the five likeliest tokens of the distribution that it was drawn from.
 *     likeliest: of a bonus token whose q is known, as in `Proposal`; a residual token's are its
 *         rejected proposal's.
 */
export interface Last {
  token: number;
  kind: "residual" | "bonus";
  u: number;
  p: number;
  q: number | null;
  keep: number | null;
  drawn_from: [number, number][];
  likeliest: [number, number, number][];
}
