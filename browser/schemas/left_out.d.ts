/* Built by `make browser` from left_out.json. */

/**
 * The content of `left_out.json`; a run has it where a draft's vocabulary is trimmed.
 *
 * Attributes:
 *     tokens: of each prompt's continuation by the target.
 *     drafts: name -> what it leaves out, of those that are trimmed.
 */
export interface LeftOut {
  version: 1;
  tokens: number[];
  drafts: {
    [k: string]: LeftOutBy;
  };
}
/**
 * What the target gives to ids that one draft never proposes.
 *
 * Attributes:
 *     ids: how many it proposes.
 *     of: how many there are.
 *     sums: of p over the others, summed over each prompt's tokens.
 *
 * This interface was referenced by `undefined`'s JSON-Schema definition
 * via the `patternProperty` "^[^./\\\x00][^/\\\x00]*$".
 */
export interface LeftOutBy {
  ids: number;
  of: number;
  sums: number[];
}
