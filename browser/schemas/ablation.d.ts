/* Built by `make browser` from ablation.json. */

/**
 * The methods of one recipe over its seeds: the content of `adaspec ablation --json`.
 *
 * Attributes:
 *     recipe: its name.
 *     seeds, runs: in the same order, as all `by_seed`.
 *     baselines: names of the methods that the others are held against.
 *     prompts: held-out prompts that acceptance was measured on, of each seed.
 *     notes: what to know before the intervals are believed, a sentence each.
 *     definitions: field, as `alpha.ci` -> what it means.
 */
export interface Ablation {
  version: 1;
  recipe: string;
  seeds: number[];
  runs: string[];
  target: string;
  baselines: string[];
  prompts: number;
  methods: Method[];
  by_k: RatioSeries[];
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
}
/**
 * Whether a draft cost what another did, and in words.
 */
export interface Fairness {
  fair: boolean;
  says: string;
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
