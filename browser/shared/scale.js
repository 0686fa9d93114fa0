/** Scales: where a value lies between the limits of its metric. */

/** @import { Limits, Metric, Scale } from "./types" */

/**
 * @param {Metric} metric
 * @param {Limits} [limits] instead of the metric's own
 * @returns {Scale}
 */
export function scaleOf(metric, limits) {
  const [low, high] = limits ?? [metric.low, metric.high];
  return { low, high, log: metric.scale === "log", diverging: metric.diverging };
}

/** 0 at the low limit, 1 at the high one; not clamped.
 *
 * @param {Pick<Scale, "low" | "high" | "log">} scale
 * @param {number} value
 */
export function position({ low, high, log }, value) {
  return log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
}

/** The value at a position.
 *
 * @param {Pick<Scale, "low" | "high" | "log">} scale
 * @param {number} at
 */
export function valueAt({ low, high, log }, at) {
  return log ? low * (high / low) ** at : low + (high - low) * at;
}

/** What is drawn: 0 to 1, or -1 to 1 around 0 where the metric diverges. NaN stays NaN.
 *
 * @param {Scale} scale
 * @param {number} value
 */
export function level(scale, value) {
  if (scale.diverging) return clamp(value < 0 ? value / -scale.low : value / scale.high, -1, 1);
  return clamp(position(scale, value), 0, 1);
}

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
export function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

/** @param {Scale} scale */
export function valid({ low, high, log, diverging }) {
  if (!Number.isFinite(low) || !Number.isFinite(high)) return false;
  return low < high && (!log || low > 0) && (!diverging || (low < 0 && high > 0));
}

/** How many values lie in each of `size` equal parts of the scale.
 *
 * @param {Scale} scale
 * @param {Iterable<number>} values
 * @param {number} size
 */
export function histogram(scale, values, size) {
  const counts = new Float64Array(size);
  for (const value of values) {
    const part = Math.floor(position(scale, value) * size);
    if (part >= 0 && part < size) counts[part] += 1;
    else if (value === scale.high) counts[size - 1] += 1;
  }
  return counts;
}
