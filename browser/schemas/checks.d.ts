/* Built by `make browser` from checks.json. */

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
