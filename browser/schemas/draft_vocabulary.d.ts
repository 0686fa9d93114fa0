/* Built by `make browser` from draft_vocabulary.json. */

/**
 * The content of `draft_vocabulary.json`.
 *
 * Attributes:
 *     ids: those that are proposed, ascending.
 *     of: how many there are, from 0.
 *     counted: tokens of the training rows, by which the ids were chosen.
 *     inside: those of them that are one of `ids`.
 */
export interface DraftVocabulary {
  version: 1;
  /**
   * @minItems 1
   */
  ids: [number, ...number[]];
  of: number;
  counted: number;
  inside: number;
}
