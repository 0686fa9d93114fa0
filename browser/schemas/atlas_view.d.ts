/* Built by `make browser` from atlas_view.json. */

/**
 * A draft's acceptance, or a difference of two drafts', by two properties of tokens.
 *
 * Attributes:
 *     drafts: the key of the draft, and of the other one of a difference.
 *     axes: what the rows and the columns are of, in words.
 *     rows, columns: groups that have tokens, in order.
 *     lies: of every token of the board's sample, the numbers of its row and column.
 */
export interface AtlasView {
  id: string;
  title: string;
  says: string;
  drafts: string[];
  /**
   * @minItems 2
   * @maxItems 2
   */
  axes: [string, string];
  rows: string[];
  columns: string[];
  cells: AtlasCell[];
  /**
   * @minItems 2
   * @maxItems 2
   */
  lies: [Packed, Packed];
}
/**
 * The tokens of a row and a column.
 *
 * Attributes:
 *     row, column: their numbers.
 *     text: points of acceptance.
 *     shade: how much of its colour it has, at most 1.
 *     sign: of what it is worth; a draft alone is behind in every cell.
 *     says: all of it in words.
 *     link: leads to the tokens, where there is a studio.
 */
export interface AtlasCell {
  row: number;
  column: number;
  text: string;
  shade: number;
  sign: "ahead" | "behind";
  says: string;
  link: string;
}
/**
 * A column of numbers, little endian.
 */
export interface Packed {
  type: "f4" | "u4" | "u2" | "u1";
  base64: string;
}
