/** What a filter view says at one k. k is whole thousandths everywhere. */

/** @import { FilterReading, FilterView } from "../shared/types" */

import { column } from "../shared/columns.js";

export const ALL = 1000; // k = 1

/** The view with its columns unpacked.
 *
 * @param {FilterView} view
 * @returns {FilterReading}
 */
export function readFilter(view) {
  const { tokens, entry, title, vocabulary } = view.text;
  return {
    ...view,
    threshold: column(view.threshold),
    kept: column(view.kept),
    mass: column(view.mass),
    groups: view.groups.map((list) => ({
      ...list,
      rows: list.rows.map((row) => ({ ...row, kept: column(row.kept) })),
    })),
    overlaps: view.overlaps.map((list) => ({
      ...list,
      rows: list.rows.map((row) => ({ ...row, shared: column(row.shared) })),
    })),
    text: {
      title,
      vocabulary,
      id: column(tokens.id),
      response: column(tokens.response),
      entry: column(entry),
    },
  };
}

/** The largest k that keeps nothing below a value.
 *
 * @param {ArrayLike<number>} threshold the smallest value kept at each k: falls with k; NaN where
 *   nothing is kept
 * @param {number} value
 */
export function ratioAt(threshold, value) {
  let [low, high] = [0, ALL];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (threshold[middle] < value) high = middle - 1;
    else low = middle;
  }
  return low;
}

/** How alike two selections of `kept` tokens are that have `shared` in common.
 *
 * @param {number} shared
 * @param {number} kept
 */
export function jaccard(shared, kept) {
  return shared / (2 * kept - shared);
}
