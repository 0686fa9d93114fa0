/* Built by `make browser` from best.json. */

/**
 * `best.json` beside the best weights so far: their acceptance, and the step they are of.
 */
export interface Best {
  version: 1;
  alpha: number;
  step: number;
}
