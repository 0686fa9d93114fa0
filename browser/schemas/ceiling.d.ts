/* Built by `make browser` from ceiling.json. */

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
