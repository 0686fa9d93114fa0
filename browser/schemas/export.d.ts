/* Built by `make browser` from export.json. */

/**
 * The content of `adaspec.json`.
 *
 * Attributes:
 *     draft: its name in the run.
 *     training: what made it; None for a draft that was there before.
 *     measured: its row of the run's report, whose fields `definitions` explain.
 *     gamma: the draft length that it was measured at.
 *     before: trainings it stands on, in their order.
 *     weights: the draft's hash.
 *     vocab_size: rows of its output embedding, padding included.
 *     shared_vocabulary: token ids that target and draft have in common.
 *     serving: None in exports of versions before 4.
 *     gguf: name of a file -> what was checked of it.
 *     files: file -> its SHA-256.
 *     trained_with: package -> version; the device and the precision, too.
 *     exported_with: package -> version.
 */
export interface Export {
  version: 5;
  draft: string;
  training: Training | null;
  measured: DraftReport;
  definitions: {
    [k: string]: string;
  };
  measured_on: MeasuredOn;
  gamma: number;
  before: Before[];
  target: TargetModel;
  stock: StockModel;
  weights: string;
  vocab_size: number;
  shared_vocabulary: number;
  serving: Serving | null;
  gguf?: {
    [k: string]: Gguf;
  };
  files: {
    [k: string]: string;
  };
  data: Data;
  run: Origin;
  trained_with: {
    [k: string]: string;
  };
  exported_with: {
    [k: string]: string;
  };
  verified: Verified;
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
 * What the draft was measured on.
 *
 * Attributes:
 *     text: where the held-out rows come from, in words.
 *     max_new_tokens: of the target's own text.
 *     prompts, tokens, speculation, device: as in the run's report.
 */
export interface MeasuredOn {
  text: string;
  max_new_tokens: number;
  prompts: number;
  tokens: TokenCounts;
  speculation: Speculation;
  device: string;
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
 * A training that the draft stands on, and what it cost.
 */
export interface Before {
  name: string;
  budget: Budget;
}
/**
 * The target.
 *
 * Attributes:
 *     source: a Hub id, a model that comes with AdaSPEC Studio, or a folder's or file's name.
 *     fine_tuned: whether the run's stage 0 trained it.
 *     weights: their hash.
 */
export interface TargetModel {
  source: string;
  fine_tuned: boolean;
  weights: string;
  vocab_size: number;
}
/**
 * The draft before any distillation, or, of a draft trained elsewhere, itself.
 *
 * Attributes:
 *     made_of: whose weights it has; None where they were random.
 *     weights: their hash.
 */
export interface StockModel {
  source: string;
  made_of: string | null;
  weights: string;
}
/**
 * What decides whether an engine can serve the draft.
 *
 * Attributes:
 *     transformers: the least version that opens the folder as it was written.
 *     head_sizes: of the target's attention heads and the draft's; None where a model has none.
 */
export interface Serving {
  transformers: string;
  /**
   * @minItems 2
   * @maxItems 2
   */
  head_sizes: [number | null, number | null];
}
/**
 * A model as a GGUF file, read back.
 *
 * Attributes:
 *     precision: of its matrices; vectors are float32.
 *     logits: how much text gave the logits of the run's model, rounded like the file, to the bit.
 *     apart: the most that rounding moves a logit, over that text.
 *     alpha: exact acceptance of the rounded draft by the target that is not; None of a target.
 */
export interface Gguf {
  precision: "f32" | "f16";
  logits: SameLogits;
  apart: number;
  alpha: number | null;
}
/**
 * How much text gave the same logits to the bit.
 */
export interface SameLogits {
  texts: number;
  tokens: number;
}
/**
 * The training rows: the hash of their token ids, where they come from, how many they are.
 */
export interface Data {
  hash: string;
  train: string;
  rows: number;
}
/**
 * The run that the draft was exported from.
 */
export interface Origin {
  id: string;
  recipe: string;
  recipe_hash: string;
}
/**
 * What was checked on the exported folder, in numbers.
 */
export interface Verified {
  logits: SameLogits;
  acceptance: SameAcceptance;
  greedy: SameText;
}
/**
 * The acceptance measured again.
 *
 * Attributes:
 *     alpha: exact acceptance of what was exported.
 *     tables: the same of the run's token tables.
 *     apart: mean difference of a token's overlap between the two.
 *     tolerance: how large it may be.
 */
export interface SameAcceptance {
  prompts: number;
  tokens: number;
  alpha: number;
  tables: number;
  apart: number;
  tolerance: number;
}
/**
 * How much text greedy speculative decoding made, all of it the target's own.
 */
export interface SameText {
  prompts: number;
  tokens: number;
  passes: number;
  gamma: number;
}
