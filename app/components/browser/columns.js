/* Typed arrays out of JSON: a column is {type, base64}, little endian as every browser is. */

const ARRAYS = { f4: Float32Array, u4: Uint32Array, u2: Uint16Array, u1: Uint8Array };

function column({ type, base64 }) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return new ARRAYS[type](bytes.buffer);
}
