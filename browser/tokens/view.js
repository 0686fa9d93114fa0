/** A view as the server sent it, read: columns are decoded when they are first asked for. */

/** @import { Metric, Numbers, Packed, Piece, Roles, TokenView } from "../shared/types" */

import { column } from "../shared/columns.js";
import { endsLine, pieceOf } from "../shared/glyphs.js";

const TOP = 5; // tokens in a model's list of the likeliest

/** @typedef {ReturnType<typeof read>} Reading */

/** @param {TokenView} view */
export function read(view) {
  /** @type {Map<string, any>} */
  const done = new Map();
  /**
   * @template T
   * @param {string} name
   * @param {() => T} work
   * @returns {T}
   */
  const once = (name, work) => {
    if (!done.has(name)) done.set(name, work());
    return done.get(name);
  };
  const decoded = (/** @type {string} */ name, /** @type {Packed} */ packed) =>
    once(name, () => column(packed));
  const ids = decoded("id", view.tokens.id);
  const response = decoded("response", view.tokens.response);

  /** A column, or undefined where it was not measured.
   *
   * @param {string} name
   * @param {string} [snapshot]
   * @returns {Numbers | undefined}
   */
  const measure = (name, snapshot) => {
    const key = snapshot === undefined ? name : `${name}@${snapshot}`;
    return key in view.columns ? decoded(key, view.columns[key]) : undefined;
  };

  /** The values of a metric, NaN on prompts.
   *
   * @param {Metric} metric
   * @param {Roles} roles
   */
  const values = (metric, roles) => {
    const of = metric.of ? roles[metric.of] : undefined;
    const minus = metric.minus ? roles[metric.minus] : undefined;
    return once(`${metric.column} of ${of} minus ${minus}`, () => {
      const all = measure(metric.column, of) ?? new Float32Array();
      const less = metric.minus ? measure(metric.column, minus) : undefined;
      return new Float32Array(all).map((value, row) =>
        response[row] ? value - (less ? less[row] : 0) : NaN,
      );
    });
  };

  /** Whether there is what a metric needs.
   *
   * @param {Metric} metric
   * @param {Roles} roles
   */
  const offers = (metric, roles) =>
    [metric.of, metric.minus].every(
      (role) =>
        !role || (roles[role] !== undefined && `${metric.column}@${roles[role]}` in view.columns),
    ) &&
    (metric.of !== null || metric.column in view.columns);

  const entries = (/** @type {string} */ pool, /** @type {string | undefined} */ snapshot) =>
    measure(pool === "batch" ? "entry_batch" : "entry", snapshot ?? "");

  /** How many response tokens are kept at each k in thousandths.
   *
   * @param {string} pool
   * @param {string | undefined} snapshot
   */
  const keptCounts = (pool, snapshot) =>
    once(`kept in ${pool} by ${snapshot}`, () => {
      const counts = new Uint32Array(1001);
      for (const entry of entries(pool, snapshot) ?? []) if (entry <= 1000) counts[entry] += 1;
      for (let k = 1; k <= 1000; k += 1) counts[k] += counts[k - 1];
      return counts;
    });

  /** The likeliest tokens of a model, likeliest first; null where they are not known.
   *
   * @param {string} snapshot
   * @param {number} row
   */
  const guesses = (snapshot, row) => {
    const lists = view.top[snapshot];
    if (!lists) return null;
    const [id, p] = [
      decoded(`top id ${snapshot}`, lists.id),
      decoded(`top p ${snapshot}`, lists.p),
    ];
    return Array.from({ length: TOP }, (_, rank) => ({
      id: id[row * TOP + rank],
      p: p[row * TOP + rank],
    })).filter((guess) => guess.p > 0);
  };

  return {
    ...view,
    ids,
    response,
    seq: decoded("seq", view.tokens.seq),
    responses: Array.from(response).filter((flag) => flag).length,
    piece: (/** @type {number} */ row) => pieceOf(view.vocabulary, ids[row]),
    word: (/** @type {number} */ id) => pieceOf(view.vocabulary, id),
    /** The whole character that a token is a part of. */
    whole: (/** @type {number} */ row) => view.pieces[row],
    measure,
    values,
    offers,
    entries,
    keptCounts,
    guesses,
  };
}

/**
 * @typedef {{ rows: number, seq: ArrayLike<number>, piece: (row: number) => Piece }} Text
 * @typedef {{ from: number, to: number }} Block rows, the last excluded
 */

/** Where the text may be cut into blocks of about `size` tokens: at ends of lines, or else before a
 * word, since a block begins on a line of its own; always where a sequence ends.
 *
 * @param {Text} text
 * @param {number} size
 */
export function blocks(text, size) {
  /** @type {Block[]} */
  const parts = [];
  let from = 0;
  for (let row = 1; row <= text.rows; row += 1) {
    if (row === text.rows || cuts(text, from, row, size)) {
      parts.push({ from, to: row });
      from = row;
    }
  }
  return parts;
}

/**
 * @param {Text} text
 * @param {number} from
 * @param {number} row
 * @param {number} size
 */
function cuts(text, from, row, size) {
  if (text.seq[row] !== text.seq[row - 1]) return true;
  if (row - from < size) return false;
  if (endsLine(text.piece(row - 1))) return true;
  if (row - from < 3 * size) return false;
  return row - from >= 5 * size || /^\s/.test(text.piece(row).text ?? "");
}

/** Rows of the tokens in which the words sought lie, across tokens and whatever their case.
 *
 * @param {Pick<Text, "rows" | "piece"> & { pieces?: Record<string, string> }} text
 * @param {string} sought
 * @returns {number[][]} the rows of each match, in the order of the text
 */
export function occurrences(text, sought) {
  if (!sought) return [];
  const matches = [];
  const needle = sought.toLowerCase();
  /** @type {number[]} */
  const starts = [];
  let letters = "";
  for (let row = 0; row < text.rows; row += 1) {
    starts.push(letters.length);
    letters += (text.piece(row).text ?? "").toLowerCase();
  }
  starts.push(letters.length);
  let row = 0;
  for (
    let at = letters.indexOf(needle);
    at >= 0;
    at = letters.indexOf(needle, at + needle.length)
  ) {
    while (starts[row + 1] <= at) row += 1;
    const rows = [];
    for (let next = row; next < text.rows && starts[next] < at + needle.length; next += 1) {
      if (starts[next + 1] > starts[next]) rows.push(next);
    }
    matches.push(rows);
  }
  for (const [part, whole] of Object.entries(text.pieces ?? {})) {
    if (whole.toLowerCase().includes(needle)) matches.push([Number(part)]);
  }
  return matches.sort((a, b) => a[0] - b[0]);
}
