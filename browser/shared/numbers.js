/** Numbers in writing. What is not a number is written as a dash. */

const UNKNOWN = "–";
const GROUPED = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/** With the sign that is as wide as a plus.
 *
 * @param {string} text
 */
export function minus(text) {
  return text.replaceAll("-", "−");
}

/** A value of any size.
 *
 * @param {number} [value]
 */
export function written(value) {
  if (value === undefined || Number.isNaN(value)) return UNKNOWN;
  if (Number.isInteger(value)) return minus(String(value));
  const size = Math.abs(value);
  return minus(size < 0.001 ? value.toExponential(1) : value.toFixed(size < 100 ? 3 : 0));
}

/** k and entries are whole thousandths.
 *
 * @param {number} count
 */
export function thousandths(count) {
  return `${Math.floor(count / 1000)}.${String(count % 1000).padStart(3, "0")}`;
}

/**
 * @param {number | null | undefined} value
 * @param {number} digits
 */
export function fixed(value, digits) {
  return isNumber(value) ? minus(value.toFixed(digits)) : UNKNOWN;
}

/**
 * @param {number} value
 * @param {number} digits
 */
export function signed(value, digits) {
  const text = value.toFixed(digits);
  return minus(value < 0 ? text : `+${text}`);
}

/** Three decimals, with no minus before a zero.
 *
 * @param {number} value
 */
export function nats(value) {
  return fixed(value, 3).replace(/^−(?=0\.000$)/, "");
}

/** A whole number.
 *
 * @param {number | null | undefined} value
 */
export function amount(value) {
  return isNumber(value) ? GROUPED.format(value) : UNKNOWN;
}

/** @param {number} share */
export function percent(share) {
  return isNumber(share) ? `${(100 * share).toFixed(1)} %` : UNKNOWN;
}

/**
 * @param {number | null | undefined} value
 * @returns {value is number}
 */
export function isNumber(value) {
  return Number.isFinite(value);
}
