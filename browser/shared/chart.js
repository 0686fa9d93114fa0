/** Small charts as SVG paths, 1000 wide and 100 high, stretched to the space they are given; their
 * colours are CSS variables, so that they follow the theme. */

/** @import { Attributes, Child } from "./dom" */

import { draw } from "./dom.js";

export const WIDE = 1000;
export const HIGH = 100;

/**
 * @param {Attributes} attributes
 * @param {...Child} marks
 */
export function chart(attributes, ...marks) {
  return draw(
    "svg",
    { viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none", ...attributes },
    ...marks,
  );
}

/** A step for each value, or, where they are more than can be told apart, from the least to the
 * greatest of each part.
 *
 * @param {ArrayLike<number>} heights 0 to 1; NaN leaves a gap
 */
export function steps(heights) {
  const parts = Math.min(heights.length, WIDE);
  const y = (/** @type {number} */ height) => ((1 - height) * HIGH).toFixed(1);
  let path = "";
  let open = false;
  for (let part = 0; part < parts; part += 1) {
    const [least, greatest] = range(
      heights,
      Math.floor((part * heights.length) / parts),
      Math.floor(((part + 1) * heights.length) / parts),
    );
    if (least > greatest) {
      open = false;
      continue;
    }
    const [x, end] = [(part * WIDE) / parts, ((part + 1) * WIDE) / parts];
    path += `${open ? "V" : `M${x.toFixed(2)} `}${y(greatest)}`;
    if (least < greatest) path += `V${y(least)}V${y(greatest)}`;
    path += `H${end.toFixed(2)}`;
    open = true;
  }
  return path;
}

/** The least and the greatest of a part; NaN is passed over, and of nothing it is [∞, -∞].
 *
 * @param {ArrayLike<number>} heights
 * @param {number} from
 * @param {number} to
 */
export function range(heights, from, to) {
  let [least, greatest] = [Infinity, -Infinity];
  for (let at = from; at < to; at += 1) {
    if (heights[at] < least) least = heights[at];
    if (heights[at] > greatest) greatest = heights[at];
  }
  return [least, greatest];
}

/** Bars side by side as one path. Heights are square roots of shares: a long tail stays visible.
 *
 * @param {ArrayLike<number>} counts
 */
export function bars(counts) {
  const width = WIDE / counts.length;
  return roots(counts)
    .map((height, at) => {
      const x = (at * width + 0.08 * width).toFixed(2);
      return `M${x} ${HIGH}V${((1 - height) * HIGH).toFixed(1)}h${(width * 0.84).toFixed(2)}V${HIGH}Z`;
    })
    .join("");
}

/** Square roots of counts, the greatest as 1.
 *
 * @param {ArrayLike<number>} counts
 */
export function roots(counts) {
  const list = Array.from(counts);
  const most = Math.max(...list, 1);
  return list.map((count) => Math.sqrt(count / most));
}
