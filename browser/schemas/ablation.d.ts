/* Built by `make browser` from ablation.json. */

/**
 * The methods of one recipe over its seeds: the content of `adaspec ablation --json`.
 *
 * Attributes:
 *     recipe: its name.
 *     seeds, runs: in the same order, as all `by_seed`.
 *     baselines: names of the methods that the others are held against.
 *     prompts: held-out prompts that acceptance was measured on, of each seed.
 *     frontier: names of the methods that no other is above at as little compute, the cheapest
 *         first.
 *     power: None where no two methods differ in their training.
 *     ceiling: what a draft of this size reached at all, where that is known.
 *     notes: what to know beside the numbers, a sentence each.
 *     definitions: field, as `alpha.ci` -> what it means.
 */
export interface Ablation {
  version: 2;
  recipe: string;
  seeds: number[];
  runs: string[];
  target: string;
  baselines: string[];
  prompts: number;
  methods: Method[];
  by_k: RatioSeries[];
  frontier: string[];
  power: Power | null;
  ceiling: Ceiling | null;
  notes: string[];
  definitions: {
    [k: string]: string;
  };
}
/**
 * One method over the seeds: what it is, what it took, what it reached.
 *
 * Attributes:
 *     table: the name its files have in a run, where it is another name of a training.
 *     made: objective, selector and start in words.
 *     start: the model it began with.
 *     steps, sequences, seconds: of this training alone, as `Spent`.
 *     needs: trainings it stands on.
 *     total: with the reference's, where it needs one.
 *     compute: of everything it needed, mean over the seeds; None where that is not known.
 *     block_efficiency: None where a seed has none.
 *     difference: baseline -> the difference.
 */
export interface Method {
  name: string;
  label: string;
  table: string;
  made: string;
  start: string;
  steps: number;
  sequences: number;
  seconds: number;
  needs: string[];
  total: Spent;
  compute: Compute | null;
  alpha: OverSeeds;
  kl: number;
  top1: number;
  block_efficiency: number | null;
  speedup: SpeedOverSeeds;
  difference: {
    [k: string]: MethodDifference;
  };
}
/**
 * What a training took, mean over the seeds; seconds are wall-clock time.
 */
export interface Spent {
  steps: number;
  sequences: number;
  seconds: number;
}
/**
 * What was computed.
 *
 * Attributes:
 *     flops: floating-point operations, as `analysis.compute` counts them.
 *     seconds: wall-clock time, as far as it was recorded.
 */
export interface Compute {
  flops: number;
  seconds: number;
}
/**
 * An acceptance rate: its mean over the seeds, and of each seed in their order.
 */
export interface OverSeeds {
  mean: number;
  /**
   * @minItems 2
   * @maxItems 2
   */
  ci: [number, number];
  by_seed: number[];
}
/**
 * The speed-up over plain decoding: its median over the seeds, and of each seed.
 */
export interface SpeedOverSeeds {
  median: number;
  by_seed: number[];
}
/**
 * Exact acceptance of a method minus a baseline's, with the ends of its 95 % interval.
 *
 * This interface was referenced by `undefined`'s JSON-Schema definition
 * via the `patternProperty` "^[^./\\\x00][^/\\\x00]*$".
 */
export interface MethodDifference {
  value: number;
  low: number;
  high: number;
  by_seed: number[];
  verdict: "ahead" | "behind" | "not told apart";
  budget: Fairness;
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
 * Methods that differ in nothing but k: what they have in common, and each, by k.
 */
export interface RatioSeries {
  made: string;
  points: RatioPoint[];
}
/**
 * A method and its k; 1 for all tokens.
 */
export interface RatioPoint {
  name: string;
  k: number;
}
/**
 * What designs can tell, by how much differences varied in these runs.
 *
 * Attributes:
 *     comparisons: among how many a difference is to be told.
 *     seed, prompt, rest: standard deviations of a difference in exact acceptance: of what a
 *         seed's prompts share, None of one seed; of what a prompt's seeds share; of the rest.
 *     designs: these runs' own first.
 *     says: what these runs' own design tells, and what is assumed, a sentence each.
 */
export interface Power {
  comparisons: number;
  seed: number | null;
  prompt: number;
  rest: number;
  designs: Design[];
  says: string[];
}
/**
 * So many seeds and prompts, and the smallest difference that they tell.
 *
 * Attributes:
 *     told: in exact acceptance; a true difference of this size is seen in 80 % of the cases.
 *     told_adjusted: likewise, as one of all comparisons.
 */
export interface Design {
  seeds: number;
  prompts: number;
  told: number;
  told_adjusted: number;
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
