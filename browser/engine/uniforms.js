/** The random numbers of a decoding, the very ones of `adaspec.speculation.uniforms`: three of every
 * position in the text, by its seed alone.
 *
 * numpy's `default_rng(seed).random`: PCG64 (O'Neill, HMC-CS-2014-0905: XSL-RR on 128 bits), seeded
 * by `SeedSequence`. */

export const [DRAFT, TEST, LAST] = [0, 1, 2];

const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;

/** Three uniforms of every position, in [0, 1); those of a position do not depend on how many there
 * are: that of a purpose (`DRAFT`, `TEST`, `LAST`) is at 3 · position + purpose.
 *
 * @param {number} seed an integer, not negative
 * @param {number} positions
 */
export function uniforms(seed, positions) {
  const [state_high, state_low, stream_high, stream_low] = seedWords(seed);
  const increment = wide((((stream_high << 64n) | stream_low) << 1n) | 1n);
  const step = () => (state = wide(state * MULTIPLIER + increment));
  let state = wide(increment + ((state_high << 64n) | state_low));
  step();
  return Float64Array.from({ length: 3 * positions }, () => {
    step();
    const folded = BigInt.asUintN(64, (state >> 64n) ^ state);
    const turn = state >> 122n;
    const turned = BigInt.asUintN(64, (folded >> turn) | (folded << (64n - turn)));
    return Number(turned >> 11n) * 2 ** -53;
  });
}

/** @param {bigint} value */
const wide = (value) => BigInt.asUintN(128, value);

/** Four words of 64 bits, as `SeedSequence(seed).generate_state(4, uint64)`.
 *
 * @param {number} seed
 */
function seedWords(seed) {
  const entropy = [seed >>> 0, Math.floor(seed / 2 ** 32)];
  const hash = hasher(0x43b0d7e5, 0x931e8875);
  const pool = [0, 1, 2, 3].map((at) => hash(entropy[at] ?? 0));
  for (let from = 0; from < 4; from += 1) {
    for (let to = 0; to < 4; to += 1) {
      if (from === to) continue;
      const mixed = Math.imul(0xca01f9dd, pool[to]) - Math.imul(0x4973f715, hash(pool[from]));
      pool[to] = folded32(mixed);
    }
  }
  const give = hasher(0x8b51f9dd, 0x58f38ded);
  const words = Array.from({ length: 8 }, (_, at) => BigInt(give(pool[at % 4])));
  return [0, 2, 4, 6].map((at) => words[at] | (words[at + 1] << 32n));
}

/** A hash whose constant changes with every use.
 *
 * @param {number} constant
 * @param {number} multiplier
 */
function hasher(constant, multiplier) {
  return (/** @type {number} */ value) => {
    const mixed = value ^ constant;
    constant = Math.imul(constant, multiplier);
    return folded32(Math.imul(mixed, constant));
  };
}

/** @param {number} value */
const folded32 = (value) => ((value >>> 0) ^ ((value >>> 0) >>> 16)) >>> 0;
