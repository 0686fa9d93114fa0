/** A file of weights: https://huggingface.co/docs/safetensors. Eight bytes say how long the header
 * is, the header says in JSON where each tensor lies, and the rest is numbers. */

/**
 * @typedef {object} Tensor
 * @property {number[]} shape
 * @property {number} size how many numbers it has
 * @property {(to: Float32Array) => void} copy widens its numbers into an array of its size
 */

/** @type {Record<string, [bytes: number, copy: (from: ArrayBuffer, to: Float32Array) => void]>} */
const TYPES = {
  F32: [4, (from, to) => to.set(new Float32Array(from))],
  F16: [2, (from, to) => bits(to).set(Uint32Array.from(new Uint16Array(from), float16))],
  BF16: [
    2,
    (from, to) => bits(to).set(Uint32Array.from(new Uint16Array(from), (half) => half << 16)),
  ],
};

/** The tensors of a file, by name.
 *
 * @param {ArrayBuffer} file
 * @returns {Map<string, Tensor>}
 * @throws {Error} it is damaged, or holds numbers of another type than F32, F16, BF16.
 */
export function readSafetensors(file) {
  const { header, start } = headerOf(file);
  delete header.__metadata__;
  return new Map(
    Object.entries(header).map(([name, { dtype, shape, data_offsets }]) => {
      const type = TYPES[dtype];
      if (!type) {
        throw new Error(
          `The weights of ${name} are ${dtype}; the browser reads ${Object.keys(TYPES).join(", ")}: save the model as one of them.`,
        );
      }
      const [bytes, copy] = type;
      const [from, to] = data_offsets.map((/** @type {number} */ offset) => start + offset);
      const size = shape.reduce((/** @type {number} */ a, /** @type {number} */ b) => a * b, 1);
      if (to > file.byteLength || to - from !== size * bytes) throw damaged();
      return [name, { shape, size, copy: (array) => copy(file.slice(from, to), array) }];
    }),
  );
}

/** @param {ArrayBuffer} file */
function headerOf(file) {
  try {
    const start = 8 + Number(new DataView(file).getBigUint64(0, true));
    const text = new TextDecoder("utf-8", { fatal: true }).decode(
      new Uint8Array(file, 8, start - 8),
    );
    return { header: JSON.parse(text), start };
  } catch {
    throw damaged();
  }
}

const damaged = () =>
  new Error("The file of weights is not whole, or no safetensors file: load it again.");

/** @param {Float32Array} floats */
const bits = (floats) => new Uint32Array(floats.buffer, floats.byteOffset, floats.length);

/** The bits of the float32 that equals a float16, given by its bits.
 *
 * @param {number} half
 */
function float16(half) {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f800000 | (fraction << 13); // infinite, or no number
  if (exponent) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (!fraction) return sign;
  const shift = Math.clz32(fraction) - 21; // below the smallest power of two: one more digit goes
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
}
