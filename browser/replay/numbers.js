/** Probabilities in writing.
 *
 * @param {number} value
 */
export function probability(value) {
  return value > 0 && value < 0.01 ? value.toExponential(1).replace("-", "−") : value.toFixed(2);
}
