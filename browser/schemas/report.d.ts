/* Built by `make browser` from report.json. */

/**
 * The content of `report.json`.
 *
 * Attributes:
 *     run: its id.
 *     recipe: its name.
 *     prompts: held-out prompts that acceptance was measured on.
 *     device: a GPU's name, or `CPU`.
 *     drafts: stock, reference, the recipe's methods, then those that others trained, of each
 *         what there is.
 *     business: of the machine while speed-ups were measured; None where it was not recorded.
 *     definitions: field, as `alpha.tested` -> what it means.
 *     served: draft -> its rates by every setting and rule; empty in runs from before they were
 *         measured.
 *     temperature: of the continuations that acceptance was measured on.
 *     answers: None where the target answered no training prompts.
 *     trimmed: drafts whose vocabulary is trimmed, those with the same ids together.
 */
export interface Report {
  version: 5;
  run: string;
  recipe: string;
  target: string;
  prompts: number;
  tokens: TokenCounts;
  speculation: Speculation;
  device: string;
  /**
   * @minItems 1
   */
  drafts: [DraftReport, ...DraftReport[]];
  checks: Checks | null;
  business: Business | null;
  definitions: {
    [k: string]: string;
  };
  served: {
    /**
     * This interface was referenced by `undefined`'s JSON-Schema definition
     * via the `patternProperty` "^[^./\\\x00][^/\\\x00]*$".
     */
    [k: string]: Rate[];
  };
  temperature: number;
  answers: OwnAnswers | null;
  trimmed: Trimmed[];
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
 * A draft's row.
 *
 * Attributes:
 *     same_as: the draft that this one is another name of.
 */
export interface DraftReport {
  name: string;
  same_as: string | null;
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
 * The content of `checks.json`: what a run found when it looked at itself.
 */
export interface Checks {
  version: 1;
  null_test: NullTest;
}
/**
 * What came out when the target drafted for itself, in which case all must be accepted.
 *
 * Attributes:
 *     precision: of the target's weights: float32 or bf16.
 *     proposals: sampled ones, whose beta was measured.
 *     beta, least: mean and least of sum_x min(p, q) over them.
 *     tolerance: how far `beta` may be from 1; `least` may be three times as far.
 *     greedy: share of greedy proposals that were accepted, of those tested.
 *     greedy_tolerance: how far it may be from 1.
 *     message: the result in a sentence or two.
 */
export interface NullTest {
  passed: boolean;
  precision: string;
  proposals: number;
  beta: number;
  least: number;
  tolerance: number;
  greedy: number;
  greedy_tolerance: number;
  message: string;
}
/**
 * How busy the machine was with other things while it was measured.
 *
 * Attributes:
 *     load: processes that were at work or waiting: the larger load average of a minute, before
 *         and after.
 *     cpus: that the machine has.
 *     others: share of their time that other processes took.
 */
export interface Business {
  load: number;
  cpus: number;
  others: number;
}
/**
 * An acceptance rate of a draft as a server would have it.
 */
export interface Rate {
  setting: Sampling;
  rule: "sampling" | "greedy_drafting" | "exact_match";
  value: number;
  /**
   * @minItems 2
   * @maxItems 2
   */
  ci: [number, number];
}
/**
 * How tokens are drawn: temperature first, then top-k, then top-p.
 */
export interface Sampling {
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
}
/**
 * What it took that the target answered the training prompts itself, once for all drafts.
 *
 * Attributes:
 *     tokens: that it generated, each in a forward pass of its sequence.
 *     passes: of the target, each over a batch of answers.
 *     seconds: of writing them, in this run or in the one whose answers are used again.
 */
export interface OwnAnswers {
  answers: number;
  tokens: number;
  passes: number;
  seconds: number;
}
/**
 * Drafts that propose some token ids alone, and what that leaves out.
 *
 * Attributes:
 *     drafts: their names.
 *     ids: how many they propose, the most frequent of the training rows.
 *     of: how many there are.
 *     left_out: of p over the others, the mean over the tokens that the target generated.
 */
export interface Trimmed {
  drafts: string[];
  ids: number;
  of: number;
  left_out: number;
}
