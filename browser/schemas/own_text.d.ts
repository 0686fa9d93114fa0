/* Built by `make browser` from own_text.json. */

/**
 * What a browser is to read, and all of the view (`TokenView`) that does not depend on it.
 *
 * Attributes:
 *     new_tokens: the most that the target puts after a prompt without a response.
 *     clicks: as in `OwnPrompt`.
 *     least: model -> the least dL that is kept at each k, in thousandths, below 1.
 */
export interface OwnText {
  id: string;
  title: string;
  prompt: string;
  response: string;
  new_tokens: number;
  engine: Engine;
  clicks: number;
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
  kinds: Kinds;
  least: {
    [k: string]: Packed;
  };
}
/**
 * All that a browser needs to run some of a run's models; addresses are relative to a page's.
 *
 * Attributes:
 *     id: of these files: another one where one of them is.
 *     worker: address of the engine's script.
 *     tokenizer: address of the target's `tokenizer.json`, which all share.
 *     models: name -> files, the target's first.
 *     vocabulary: how many token ids, from 0, they share.
 *     eos: the token that ends a text.
 */
export interface Engine {
  id: string;
  worker: string;
  tokenizer: string;
  models: {
    [k: string]: ModelFiles;
  };
  vocabulary: number;
  eos: number | null;
}
/**
 * Addresses of a model's files, relative to a page's.
 */
export interface ModelFiles {
  config: string;
  weights: string;
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
/**
 * Column -> how it is encoded, of the target and of other models; others are not shown.
 */
export interface Kinds {
  target: {
    [k: string]: "f4" | "u4" | "u2" | "u1";
  };
  snapshot: {
    [k: string]: "f4" | "u4" | "u2" | "u1";
  };
}
/**
 * A column of numbers, little endian.
 */
export interface Packed {
  type: "f4" | "u4" | "u2" | "u1";
  base64: string;
}
