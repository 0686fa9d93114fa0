/** The arithmetic of a Llama, on one block of memory: by WebAssembly with SIMD, or plainly. */

import simd from "../dist/simd.js";
import { plainArithmetic } from "./plain.js";

/** The first byte that is free: before it lies what AssemblyScript keeps. */
export const START = 4096;

const PAGE = 1 << 16; // of WebAssembly's memory

/** What both have. Pointers are in bytes; every size is a multiple of 4.
 *
 * @typedef {object} Arithmetic
 * @property {"simd" | "plain"} name
 * @property {ArrayBuffer} buffer the memory
 * @property {(out: number, weight: number, input: number, rows: number, columns: number, tokens: number) => void} product
 *   out [tokens, rows] = input [tokens, columns] · weight [rows, columns] transposed, which
 *   as `pack` leaves it. A token's numbers do not depend on how many there are.
 * @property {(to: number, from: number, count: number) => void} add to += from
 * @property {(out: number, input: number, weight: number, width: number, epsilon: number, tokens: number) => void} normalize
 *   RMSNorm of each token, [tokens, width]
 * @property {(states: number, turns: number, heads: number, dimension: number, tokens: number) => void} rotate
 *   states [tokens, heads, dimension] in place, by turns [tokens, dimension]: cosines, then sines
 * @property {(out: number, queries: number, keys: number, values: number, scores: number, heads: number, sharing: number, dimension: number, position: number, tokens: number) => void} attend
 *   causal attention of queries [tokens, heads, dimension], the first at this position, to keys and
 *   values [positions, heads / sharing, dimension]; `scores` has room for a number a position
 * @property {(states: number, gates: number, count: number) => void} gate states *= silu(gates)
 */

/** @param {number} bytes of memory, those before `START` among them
 * @param {boolean} [plainly] even where there is SIMD
 * @returns {Arithmetic}
 */
export function openArithmetic(bytes, plainly = false) {
  if (!plainly) {
    try {
      return simdArithmetic(bytes);
    } catch (error) {
      if (!(error instanceof WebAssembly.CompileError)) throw error; // that: no SIMD, or forbidden
    }
  }
  return plainArithmetic(bytes);
}

/** @param {number} bytes
 * @returns {Arithmetic}
 */
function simdArithmetic(bytes) {
  const code = Uint8Array.from(atob(simd), (letter) => letter.charCodeAt(0));
  const { memory, ...functions } = /** @type {any} */ (
    new WebAssembly.Instance(new WebAssembly.Module(code)).exports
  );
  memory.grow(Math.ceil(bytes / PAGE));
  return { ...functions, name: "simd", buffer: memory.buffer };
}

/** A matrix as `product` reads it: four rows beside each other, four columns of each at a time.
 *
 * @param {Float32Array} matrix
 * @param {number} columns
 * @param {Float32Array} to of its size, or longer by rows of nothing
 */
export function pack(matrix, columns, to) {
  for (let at = 0; at < matrix.length; at += 1) {
    const row = Math.floor(at / columns);
    const column = at % columns;
    const block = (row >> 2) * (columns >> 2) + (column >> 2);
    to[16 * block + 4 * (row & 3) + (column & 3)] = matrix[at];
  }
}
