/** Probabilities in writing, as short as can be read. */

/** @param {number} value */
export function percent(value) {
  if (value === 0) return "0 %";
  if (value < 0.001) return "< 0.1 %";
  return `${(100 * value).toFixed(value < 0.0995 ? 1 : 0)} %`;
}

/** @param {number} value */
export function probability(value) {
  return value > 0 && value < 0.01 ? value.toExponential(1).replace("-", "−") : value.toFixed(2);
}
