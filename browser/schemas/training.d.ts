/* Built by `make browser` from training.json. */

/**
 * `training.json` beside a trained model: what made it, and what that took.
 *
 * Attributes:
 *     key: the training's; two with equal keys are the same training.
 */
export interface Trained {
  version: 2;
  training: Training;
  key: string;
  budget: Budget;
}
/**
 * One training, fully derived. Two trainings with equal `key` are the same training.
 *
 * Attributes:
 *     name: the draft's name, or `target` or `reference`. Not part of the key.
 *     method: None for stage 0, which is cross-entropy on the data.
 *     k: the filter ratio; None where nothing is filtered.
 *     batch: sequences per optimiser step, after the budget.
 *     steps: optimiser steps.
 *     snapshots: those after which the model is kept as it is. Not part of the key.
 */
export interface Training {
  name: string;
  method: Method | null;
  optimisation: Optimisation;
  k: number | null;
  batch: number;
  steps: number;
  seed: number;
  snapshots: number[];
}
/**
 * How one draft is distilled: objective x selector x weight x start x budget.
 */
export interface Method {
  objective: "forward_kl" | "reverse_kl" | "jensen_shannon" | "total_variation" | "neg_log_overlap" | "lk_hybrid";
  /**
   * what the objective turns into, linearly over the steps
   */
  to: ("forward_kl" | "reverse_kl" | "jensen_shannon" | "total_variation" | "neg_log_overlap" | "lk_hybrid") | null;
  selector: "top_delta" | "all" | "random" | "lowest_delta" | "highest_kl" | "highest_entropy" | "excess_loss";
  /**
   * filter ratio; null: the stage's
   */
  k: number | null;
  /**
   * how much each token counts; null: those selected alike, the others not
   */
  weight: ("soft" | "confidence" | "expected_length" | "first_error" | "verified" | "rejected") | null;
  /**
   * of the weight: 0 leaves out what it does not favour; null: the weight's own
   */
  softness: number | null;
  /**
   * draft length that a weight by blocks counts with
   */
  gamma: number;
  pool: "micro_batch" | "batch";
  loss: "published" | "mean_selected";
  start: "stock" | "reference";
  budget: "steps" | "data" | "published";
}
/**
 * How one stage is optimised: AdamW, gradient clipping, sequences per step.
 */
export interface Optimisation {
  /**
   * sequences per optimiser step, over all processes
   */
  batch: number;
  /**
   * sequences per forward pass; null: the whole batch at once
   */
  micro_batch: number | null;
  epochs: number;
  lr: number;
  schedule: "constant" | "linear" | "cosine";
  /**
   * fraction of the steps
   */
  warmup: number;
  weight_decay: number;
  /**
   * maximum gradient norm
   */
  clip: number | null;
  /**
   * best: the weights with the highest exact acceptance on the validation prompts
   */
  keep: "last" | "best";
  /**
   * stop after this many points of the curve without an improvement
   */
  patience: number | null;
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
