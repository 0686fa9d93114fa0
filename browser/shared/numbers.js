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

/** Floating-point operations, with their unit.
 *
 * @param {number | null | undefined} value
 */
export function flops(value) {
  if (!isNumber(value)) return UNKNOWN;
  const units = /** @type {const} */ ([
    [1e18, "E"],
    [1e15, "P"],
    [1e12, "T"],
    [1e9, "G"],
    [1e6, "M"],
  ]);
  for (const [size, unit] of units)
    if (value >= size) return `${Number((value / size).toPrecision(3))} ${unit}FLOP`;
  return `${Math.round(value)} FLOP`;
}

/** A p-value, to four digits.
 *
 * @param {number} value
 */
export function chance(value) {
  return value < 0.0001 ? "< 0.0001" : value.toFixed(4);
}

/** @param {number} share */
export function percent(share) {
  return isNumber(share) ? `${(100 * share).toFixed(1)} %` : UNKNOWN;
}

/** A probability in percent, as short as can be read.
 *
 * @param {number} value
 */
export function shortPercent(value) {
  if (value === 0) return "0 %";
  if (value < 0.001) return "< 0.1 %";
  return `${(100 * value).toFixed(value < 0.0995 ? 1 : 0)} %`;
}

/**
 * @param {number | null | undefined} value
 * @returns {value is number}
 */
export function isNumber(value) {
  return Number.isFinite(value);
}
