/* Built by `make browser` from served.json. */

/**
 * The content of `served.json`.
 *
 * Attributes:
 *     tokens: of each prompt's continuation.
 *     drafts: name -> its sums, a setting each.
 */
export interface Served {
  version: 1;
  tokens: number[];
  drafts: {
    /**
     * This interface was referenced by `undefined`'s JSON-Schema definition
     * via the `patternProperty` "^[^./\\\x00][^/\\\x00]*$".
     */
    [k: string]: Sums[];
  };
}
/**
 * Of one draft under one setting: rule -> its sum over each prompt's tokens.
 */
export interface Sums {
  setting: Sampling;
  sums: {
    [k: string]: number[];
  };
}
/**
 * How tokens are drawn: temperature first, then top-k, then top-p.
 */
export interface Sampling {
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
}
