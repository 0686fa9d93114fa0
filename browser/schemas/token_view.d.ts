/* Built by `make browser` from token_view.json. */

/**
 * A text with all measures of its tokens; a column is of all rows, prompts included.
 *
 * Attributes:
 *     vocabulary: token id -> what is written for it.
 *     pieces: row -> the whole character that its token is a part of.
 *     columns: `column` or `column@snapshot` -> its values.
 *     top: model -> its likeliest tokens at every row.
 *     timeline: snapshots on the way to the draft, in order.
 *     corpus: metric -> its histogram over all tokens of the source.
 *     pools: pool -> what is kept of it, in a sentence.
 *     brief: whether what it is is told elsewhere, and nothing but the text can be changed.
 */
export interface TokenView {
  id: string;
  title: string;
  rows: number;
  tokens: TextColumns;
  vocabulary: {
    [k: string]: Piece;
  };
  pieces: {
    [k: string]: string;
  };
  columns: {
    [k: string]: Packed;
  };
  top: {
    [k: string]: Likeliest;
  };
  snapshots: {
    [k: string]: Drawn;
  };
  roles: Played;
  timeline: string[];
  metrics: Metric[];
  corpus: {
    [k: string]: Histogram;
  };
  pools: {
    [k: string]: string;
  };
  notes: string[];
  brief: boolean;
}
/**
 * Of every token: its id, the sequence that it is of, and whether it is of a response.
 */
export interface TextColumns {
  id: Packed;
  seq: Packed;
  response: Packed;
}
/**
 * A column of numbers, little endian.
 */
export interface Packed {
  type: "f4" | "u4" | "u2" | "u1";
  base64: string;
}
/**
 * A token's text, or its bytes in hexadecimal if it is not whole characters.
 */
export interface Piece {
  text?: string;
  bytes?: string;
  special?: boolean;
}
/**
 * A model's likeliest tokens and their probabilities, [rows, TOP].
 */
export interface Likeliest {
  id: Packed;
  p: Packed;
}
/**
 * How a snapshot is written and coloured, and its optimiser steps.
 */
export interface Drawn {
  label: string;
  colour: string;
  step: number;
}
/**
 * Role -> snapshot, of those that the run has.
 */
export interface Played {
  stock?: string;
  reference?: string;
  draft?: string;
  rival?: string;
}
/**
 * One way to look at tokens.
 *
 * Attributes:
 *     column: of the token tables.
 *     of: whose column; None for the target's own.
 *     minus: whose column is subtracted.
 *     low, high: the ends of the colour scale; values beyond have the end's colour.
 *     diverging: whether 0 is the middle, with a colour on either side.
 */
export interface Metric {
  name: string;
  label: string;
  unit: string;
  column: string;
  of: ("stock" | "reference" | "draft" | "rival") | null;
  minus: ("stock" | "reference" | "draft" | "rival") | null;
  low: number;
  high: number;
  scale: "linear" | "log";
  diverging: boolean;
  explanation: string;
}
/**
 * Counts in bins of equal width; `below` and `above` lie beyond its ends.
 */
export interface Histogram {
  low: number;
  high: number;
  counts: number[];
  below: number;
  above: number;
}
