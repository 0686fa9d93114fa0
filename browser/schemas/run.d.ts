/* Built by `make browser` from run.json. */

/**
 * The content of `run.json`.
 *
 * Attributes:
 *     sources: which source each model came from.
 *     hashes: of the data and, under their `hash_name`, the starting models.
 *     models: name -> folder inside the run.
 *     facts: None until data and models are open.
 */
export interface RunState {
  version: 6;
  id: string;
  name: string;
  recipe_hash: string;
  created: string;
  state: "running" | "finished" | "failed" | "interrupted";
  stage: string;
  error: string;
  process: Process | null;
  plan: Stage[];
  sources: {
    [k: string]: string;
  };
  hashes: {
    [k: string]: string;
  };
  models: {
    /**
     * This interface was referenced by `undefined`'s JSON-Schema definition
     * via the `patternProperty` "^[^./\\\x00][^/\\\x00]*$".
     */
    [k: string]: string;
  };
  facts: Facts | null;
}
/**
 * A process, told apart from a later one with the same pid by its creation time.
 *
 * Attributes:
 *     created: seconds after the machine's start. The time of day would move when the clock is
 *         set, and a running process would count as gone.
 */
export interface Process {
  pid: number;
  created: number;
  host: string;
}
/**
 * One line of a run's plan.
 *
 * Attributes:
 *     steps: what its progress counts: optimiser steps, or batches, or answers.
 *     same_as: the stage whose result this one shares; it then takes no time of its own.
 *     needs: stages it stands on beside the stock draft and the target.
 *     work: sequences it sends through the target.
 *     seconds: how long it is expected to take; None where nobody knew.
 */
export interface Stage {
  name: string;
  kind: "train" | "answer" | "continue" | "cache" | "replay" | "measure";
  steps: number;
  work: number;
  same_as: string | null;
  needs: string[];
  seconds: number | null;
}
/**
 * What a run found when it opened its data and models, and what it ran on.
 *
 * Attributes:
 *     training_rows, evaluation_rows: rows of data.
 *     validation_rows: held-out rows that are looked at in training and that no report reads.
 *     dropped_rows: those with no response left within the length.
 *     truncated_rows: those whose response was cut to the length.
 *     response_tokens: of the training rows; None in runs that did not count them, and where the
 *         target writes the answers.
 *     prompt_tokens: of the training rows; None in runs that did not count them.
 *     cache: where the target's hidden states on the training rows are kept.
 *     cache_bytes: what they take, or would take; None in runs that did not count it.
 *     shared_vocabulary: token ids that target and drafts have in common.
 *     draft_parameters: of the stock draft.
 *     draft_vocabulary: how many token ids it proposes, where its vocabulary is trimmed.
 *     draft_looked_up: those of its parameters that no product reads: the embedding of a trimmed
 *         draft, which is not its head too.
 *     given_parameters: of the drafts that others trained, by name.
 *     formats: model -> what its file is, where that is not the weights in full.
 *     device: a GPU's name, or `CPU`.
 */
export interface Facts {
  training_rows: number;
  evaluation_rows: number;
  validation_rows: number;
  dropped_rows: number;
  truncated_rows: number;
  response_tokens: number | null;
  prompt_tokens: number | null;
  cache: "disk" | "memory" | "nowhere";
  cache_bytes: number | null;
  shared_vocabulary: number;
  target_parameters: number;
  draft_parameters: number | null;
  draft_vocabulary: number | null;
  draft_looked_up: number;
  given_parameters: {
    /**
     * This interface was referenced by `undefined`'s JSON-Schema definition
     * via the `patternProperty` "^[^./\\\x00][^/\\\x00]*$".
     */
    [k: string]: number;
  };
  formats: {
    /**
     * This interface was referenced by `undefined`'s JSON-Schema definition
     * via the `patternProperty` "^[^./\\\x00][^/\\\x00]*$".
     */
    [k: string]: string;
  };
  device: string;
  cpu_threads: number | null;
  processes: number;
  precision: "float32" | "bf16";
  adaspec: string | null;
  torch: string;
  transformers: string;
}
