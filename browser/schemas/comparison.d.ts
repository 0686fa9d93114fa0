/* Built by `make browser` from comparison.json. */

/**
 * Drafts of one target side by side: the content of `adaspec compare --json`.
 *
 * Attributes:
 *     verdicts: what the differences say, in sentences.
 *     prompts, tokens: held-out prompts and their response tokens that drafts were measured on.
 *     baseline: the key of the draft that the others are held against.
 *     frontier: keys of the drafts that no other is above at as little compute, the cheapest
 *         first.
 *     agreement: of every pair of drafts.
 *     floor: draft -> tokens below the smallest overlap that their KL allows; 0 if all is well.
 *     ceiling: what a draft of this size reached at all, where that is known.
 *     notes: what cannot be compared, a sentence each.
 *     definitions: field, as `alpha.tested` -> what it means.
 *     command: what computes the same again.
 */
export interface Comparison {
  version: 4;
  verdicts: string[];
  runs: ComparedRun[];
  target: string;
  prompts: number;
  tokens: TokenCounts;
  speculation: Speculation;
  budgets: Budgets;
  drafts: ComparedDraft[];
  baseline: string;
  differences: Difference[];
  frontier: string[];
  agreement: Agreement[];
  floor: {
    [k: string]: number;
  };
  ceiling: Ceiling | null;
  notes: string[];
  bootstrap: Bootstrap;
  definitions: {
    [k: string]: string;
  };
  command: string;
}
/**
 * Where drafts come from.
 *
 * Attributes:
 *     run: what commands and links call it.
 *     hashes: target, data, tokenizer, held-out texts -> hash; equal in all compared runs.
 */
export interface ComparedRun {
  run: string;
  id: string;
  name: string;
  device: string;
  hashes: {
    [k: string]: string;
  };
}
/**
 * Response tokens: those that the target generated, and those of the data set's answers.
 */
export interface TokenCounts {
  generated: number;
  dataset: number;
}
/**
 * How a run's drafts are decoded for their replays and speed-up.
 */
export interface Speculation {
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
   * draft length
   */
  gamma: number;
  /**
   * of each decoded text
   */
  max_new_tokens: number;
  /**
   * held-out prompts that are replayed, at most
   */
  prompts: number;
  /**
   * of those, how many are timed at every draft length
   */
  timed: number;
  /**
   * draft lengths to time
   *
   * @minItems 1
   * @maxItems 64
   */
  gammas: [number, ...number[]];
}
/**
 * Whether the chosen drafts cost the same, and which may be compared.
 *
 * Attributes:
 *     warning: what differs, in words; empty where nothing does.
 *     fair: keys of drafts with equal steps and sequences, of all that are offered.
 *     missing: for every draft that selects and has no partner of equal cost that was trained on
 *         all tokens, a method that would be one.
 */
export interface Budgets {
  warning: string;
  fair: string[][];
  missing: MissingPartner[];
}
/**
 * A method that would make the comparison of a draft fair.
 *
 * Attributes:
 *     of: the key of the draft.
 *     name, method: as a recipe has them.
 *     run: whose recipe it is to be added to.
 *     setting: what adds it, for `--set` or a link to the Train page.
 *     command: what adds and trains it.
 */
export interface MissingPartner {
  of: string;
  name: string;
  method: {
    [k: string]: string | number;
  };
  run: string;
  setting: string;
  command: string;
}
/**
 * A draft's row of its report, with its key.
 *
 * Attributes:
 *     compute: None of a draft that others trained, and in comparisons from before it was counted.
 */
export interface ComparedDraft {
  draft: string;
  label: string;
  name: string;
  run: string;
  alpha: Alpha;
  kl: number;
  reverse_kl: number;
  top1: number;
  budget: Budget;
  block_efficiency: number | null;
  block_efficiency_ci: [number, number] | null;
  accepted_lengths: number[];
  positions: Position[];
  decoded: Decoded;
  speedup: Speedup;
  needs: string[];
  remarks: string[];
  compute: Bill | null;
}
/**
 * The acceptance rates of a draft, each with its name.
 *
 * Attributes:
 *     dataset: None where the data are prompts alone.
 */
export interface Alpha {
  generated: number;
  /**
   * @minItems 2
   * @maxItems 2
   */
  generated_ci: [number, number];
  dataset: number | null;
  tested: number | null;
  tested_ci: [number, number] | null;
  drafted: number | null;
  drafted_ci: [number, number] | null;
}
/**
 * What a training has consumed, summed over processes and resumptions.
 *
 * Attributes:
 *     steps: optimiser steps.
 *     sequences: sequences read, repeats included.
 *     selected_tokens: response tokens that contributed a gradient.
 *     teacher_forwards: sequences that a frozen model, target or reference, was asked about;
 *         what is known of them already is not computed again.
 *     seconds: wall-clock time of the steps, held-out points included.
 *     kept: the step whose weights are the result, where those with the highest acceptance are
 *         kept; 0 is the model it started from.
 */
export interface Budget {
  steps: number;
  sequences: number;
  selected_tokens: number;
  teacher_forwards: number;
  seconds: number;
  kept: number | null;
}
/**
 * The i-th proposals of all rounds.
 *
 * Attributes:
 *     tested: how many the target came to test.
 *     passed: h_i, the share of those that it accepted.
 *     reached: P_i, the share of rounds that accept at least i.
 */
export interface Position {
  tested: number;
  passed: number;
  reached: number;
}
/**
 * The text that acceptance was counted on; `rounds` are passes of the target.
 */
export interface Decoded {
  prompts: number;
  tokens: number;
  rounds: number;
}
/**
 * What the clock says of a draft.
 */
export interface Speedup {
  gamma: number;
  c: number;
  v: number;
  plain_ms: number;
  measured: number;
  /**
   * @minItems 2
   * @maxItems 2
   */
  measured_ci: [number, number];
  break_even_alpha: number | null;
  predicted: number | null;
  best_gamma: number | null;
  curve: SpeedPoint[];
}
/**
 * Speed-up over plain decoding at one gamma, as measured and as the costs predict it.
 */
export interface SpeedPoint {
  gamma: number;
  measured: number | null;
  measured_ci: [number, number] | null;
  predicted: number | null;
}
/**
 * All that a draft needed.
 *
 * Attributes:
 *     outlays: of which it is the sum.
 *     assumed: what was not recorded and is taken to be, a sentence each.
 */
export interface Bill {
  flops: number;
  seconds: number;
  outlays: Outlay[];
  assumed: string[];
}
/**
 * One piece of work.
 *
 * Attributes:
 *     what: in words.
 *     tokens: that went through the model, prompts included.
 *     parameters: of the model.
 *     passes: forward passes that a token took, a backward pass counting as two.
 */
export interface Outlay {
  flops: number;
  seconds: number;
  what: string;
  tokens: number;
  parameters: number;
  passes: number;
}
/**
 * Draft minus baseline by one measure, on the same prompts.
 *
 * Attributes:
 *     measure, label: the measure's field in the report, and its name for the eye.
 *     prompts: on how many both were measured.
 *     says: value, interval and verdict in a sentence.
 *     adjusted: for the drafts that are compared by this measure; None in comparisons from before
 *         it was computed.
 */
export interface Difference {
  draft: string;
  baseline: string;
  measure: string;
  label: string;
  value: number;
  /**
   * @minItems 2
   * @maxItems 2
   */
  ci: [number, number];
  prompts: number;
  verdict: "ahead" | "behind" | "not told apart";
  budget: Fairness;
  says: string;
  adjusted: Significance | null;
}
/**
 * Whether a draft cost what another did, and in words.
 */
export interface Fairness {
  fair: boolean;
  says: string;
}
/**
 * A difference as one of several.
 *
 * Attributes:
 *     p: two-sided, of no difference, as if it were the only one.
 *     comparisons: by the same measure: the family.
 *     holm: p adjusted for them.
 *     ci: the interval adjusted for them; leaves out 0 where `holm` is at most 0.05.
 *     verdict: by `holm`.
 */
export interface Significance {
  p: number;
  comparisons: number;
  holm: number;
  /**
   * @minItems 2
   * @maxItems 2
   */
  ci: [number, number];
  verdict: "ahead" | "behind" | "not told apart";
}
/**
 * Tokens by whose likeliest token is the target's: both drafts', one's alone, or neither's.
 */
export interface Agreement {
  /**
   * @minItems 2
   * @maxItems 2
   */
  drafts: [string, string];
  both: number;
  first: number;
  second: number;
  none: number;
}
/**
 * The content of `ceiling.json`: a draft of another run, and what it reached.
 *
 * Attributes:
 *     run: its id.
 *     name: what it is called.
 *     alpha: exact acceptance, as the other run measured it.
 *     sequences: that the draft read, and those that it needed before it.
 */
export interface Ceiling {
  version: 1;
  run: string;
  name: string;
  draft: string;
  alpha: number;
  /**
   * @minItems 2
   * @maxItems 2
   */
  alpha_ci: [number, number];
  sequences: number;
}
/**
 * How the intervals were drawn.
 */
export interface Bootstrap {
  resamples: number;
  seed: number;
}
