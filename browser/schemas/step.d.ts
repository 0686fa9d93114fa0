/* Built by `make browser` from step.json. */

/**
 * A line of `metrics.jsonl`: what is known after a step of a stage.
 *
 * A dataclass with slots, for there may be a million of them.
 *
 * Attributes:
 *     time: in seconds since 1970.
 *     loss: of training, in the kind of the stage's objective.
 *     lr: learning rate.
 *     tokens_per_s: response tokens trained a second.
 *     alpha, held_out_kl: exact acceptance, and mean KL(p || q), on the monitored continuations.
 *     held_out_loss: mean cross-entropy on held-out answers, in nats a token.
 *     memory: most bytes that the process has had so far: of the GPU, or else resident.
 */
export interface Step {
  stage: string;
  time: number;
  step: number;
  loss: number | null;
  lr: number | null;
  tokens_per_s: number | null;
  alpha: number | null;
  held_out_kl: number | null;
  held_out_loss: number | null;
  memory: number | null;
  version: 1;
}
