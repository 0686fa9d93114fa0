/* Built by `make browser` from speed.json. */

/**
 * The content of `speed.json`.
 *
 * Attributes:
 *     plain_ms: milliseconds a token of plain decoding, median of all its turns.
 *     drafts: name -> gamma -> what was measured there.
 */
export interface Speed {
  version: 1;
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
}
/**
 * A draft at one draft length gamma.
 *
 * Attributes:
 *     ms: [prompts] milliseconds a token of the text.
 *     plain_ms: [prompts] the same of the plain decoding beside it.
 *     draft_ms: a drafted token, median over all rounds.
 *     verify_ms: the target's pass over gamma + 1 tokens, likewise.
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
