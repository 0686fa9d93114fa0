/** @import { Numbers, Packed } from "./types" */

const ARRAYS = { f4: Float32Array, u4: Uint32Array, u2: Uint16Array, u1: Uint8Array };

/** A typed array out of JSON; little endian, as every browser is.
 *
 * @param {Packed} packed
 * @returns {Numbers}
 */
export function column({ type, base64 }) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return new ARRAYS[type](bytes.buffer);
}

/** Its inverse; of "u4", in two bytes where they are enough.
 *
 * @param {number[]} values
 * @param {Packed["type"]} kind
 * @returns {Packed}
 */
export function packed(values, kind) {
  const type = kind === "u4" && values.every((value) => value < 2 ** 16) ? "u2" : kind;
  const bytes = new Uint8Array(ARRAYS[type].from(values).buffer);
  let letters = "";
  for (const byte of bytes) letters += String.fromCharCode(byte);
  return { type, base64: btoa(letters) };
}
