/* Built by `make browser` from checkpoint.json. */

/**
 * `budget.json` of a checkpoint: how far the training was.
 */
export interface Checkpoint {
  version: 2;
  budget: Budget;
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
