import assert from "node:assert/strict";
import { test } from "node:test";
import { readSafetensors } from "./safetensors.js";
import { written } from "./testing.js";

/** The numbers of a file with one tensor.
 *
 * @param {string} dtype
 * @param {Uint16Array | Float32Array} values
 */
function read(dtype, values) {
  const data_offsets = [0, values.byteLength];
  const header = { __metadata__: {}, a: { dtype, shape: [values.length], data_offsets } };
  const tensor = readSafetensors(written(header, new Uint8Array(values.buffer))).get("a");
  assert.ok(tensor);
  const numbers = new Float32Array(tensor.size);
  tensor.copy(numbers);
  return numbers;
}

const ALL = Uint16Array.from({ length: 1 << 16 }, (_, at) => at);

test("every float16 is the number that its bits say", () => {
  const said = Array.from(ALL, (half) => {
    const sign = half >> 15 ? -1 : 1;
    const [exponent, fraction] = [(half >> 10) & 31, half & 1023];
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : fraction * 2 ** -24);
  });
  assert.deepEqual([...read("F16", ALL)], said);
});

test("a bfloat16 is the first half of a float32", () => {
  const values = Float32Array.of(1.5, -0.25, 3e38, 0, -Infinity);
  const halves = new Uint16Array(values.buffer).filter((_, at) => at % 2);
  const cut = new Float32Array(Uint32Array.from(halves, (half) => half << 16).buffer);
  assert.deepEqual(read("BF16", halves), cut);
  assert.deepEqual(read("F32", values), values);
});

test("what is not whole is refused in a sentence, and so is a type that is not read", () => {
  const file = written(
    { a: { dtype: "F32", shape: [2], data_offsets: [0, 8] } },
    new Uint8Array(8),
  );
  for (const end of [0, 5, 20, file.byteLength - 1]) {
    assert.throws(() => readSafetensors(file.slice(0, end)), /not whole/);
  }
  const long = written(
    { a: { dtype: "F32", shape: [3], data_offsets: [0, 8] } },
    new Uint8Array(8),
  );
  assert.throws(() => readSafetensors(long), /not whole/);
  assert.throws(() => read("I8", new Float32Array(2)), /The weights of a are I8/);
});
