/* Built by `make browser` from speed.json. */

/**
 * The content of `speed.json`.
 *
 * Attributes:
 *     plain_ms: milliseconds a token of plain decoding, median of all its turns.
 *     drafts: name -> gamma -> what was measured there.
 *     business: None where it was not recorded.
 */
export interface Speed {
  version: 2;
  plain_ms: number;
  drafts: {
    /**
     * This interface was referenced by `undefined`'s JSON-Schema definition
     * via the `patternProperty` "^[^./\\\x00][^/\\\x00]*$".
     */
    [k: string]: {
      [k: string]: Timed;
    };
  };
  business: Business | null;
}
/**
 * A draft at one draft length gamma.
 *
 * Attributes:
 *     ms: [prompts] milliseconds a token of the text.
 *     plain_ms: [prompts] the same of plain decoding, the mean of before and after.
 *     draft_ms: a drafted token, median over all rounds of all drafts of this size.
 *     verify_ms: the target's pass over gamma + 1 tokens, median over all rounds of all drafts.
 */
export interface Timed {
  /**
   * @minItems 1
   */
  ms: [number, ...number[]];
  plain_ms: number[];
  draft_ms: number;
  verify_ms: number;
}
/**
 * How busy the machine was with other things while it was measured.
 *
 * Attributes:
 *     load: processes that were at work or waiting: the larger load average of a minute, before
 *         and after.
 *     cpus: that the machine has.
 *     others: share of their time that other processes took.
 */
export interface Business {
  load: number;
  cpus: number;
  others: number;
}
