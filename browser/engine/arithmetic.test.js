import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import simd from "../dist/simd.js";
import { START, openArithmetic, pack } from "./arithmetic.js";
import { noise } from "./testing.js";

const fours = (/** @type {number} */ most) => fc.integer({ min: 1, max: most }).map((n) => 4 * n);
const few = fc.integer({ min: 1, max: 7 });

/** A function of both, on the same memory; what it leaves there.
 *
 * @param {(arithmetic: import("./arithmetic.js").Arithmetic, memory: Float32Array) => void} use
 */
function both(use) {
  return [false, true].map((plainly) => {
    const arithmetic = openArithmetic(1 << 18, plainly);
    const memory = new Float32Array(arithmetic.buffer, START, (1 << 16) - START / 4);
    use(arithmetic, memory);
    return memory;
  });
}

/** Where the number at an index lies.
 *
 * @param {number} index
 */
const at = (index) => START + 4 * index;

/** @param {ArrayLike<number>} one
 * @param {ArrayLike<number>} other
 */
function close(one, other) {
  assert.equal(one.length, other.length);
  for (let i = 0; i < one.length; i += 1) {
    assert.ok(
      Math.abs(one[i] - other[i]) <= 1e-4 * (1 + Math.abs(other[i])),
      `${one[i]}, ${other[i]}`,
    );
  }
}

test("there is SIMD here, which keeps nothing where models begin", () => {
  assert.equal(openArithmetic(1 << 16).name, "simd");
  assert.equal(openArithmetic(1 << 16, true).name, "plain");
  const code = new WebAssembly.Module(Buffer.from(simd, "base64"));
  assert.ok(/** @type {any} */ (new WebAssembly.Instance(code).exports).free.value <= START);
});

test("a product is the one of the definition, and a token's the same to the bit beside others", () => {
  fc.assert(
    fc.property(fours(6), fours(6), few, (rows, columns, tokens) => {
      const matrix = noise(rows * columns, 1);
      const input = noise(tokens * columns, 2);
      const wanted = Array.from({ length: tokens * rows }, (_, place) => {
        const [token, row] = [Math.floor(place / rows), place % rows];
        let sum = 0;
        for (let column = 0; column < columns; column += 1) {
          sum += matrix[row * columns + column] * input[token * columns + column];
        }
        return sum;
      });
      for (const memory of both(({ product }, numbers) => {
        pack(matrix, columns, numbers.subarray(1000, 1000 + matrix.length));
        numbers.set(input, 5000);
        product(at(6000), at(1000), at(5000), rows, columns, tokens);
        product(at(7000), at(1000), at(5000 + (tokens - 1) * columns), rows, columns, 1);
      })) {
        close(memory.subarray(6000, 6000 + tokens * rows), wanted);
        const last = 6000 + (tokens - 1) * rows;
        assert.deepEqual(memory.slice(7000, 7000 + rows), memory.slice(last, last + rows));
      }
    }),
  );
});

test("rows that a matrix lacks are of zeros", () => {
  const to = new Float32Array(16);
  pack(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), 4, to);
  assert.deepEqual([...to], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 0, 0, 0]);
});

test("norm, turns, attention, gate and sum are the twin's", () => {
  const shapes = fc.record({
    keys: few,
    sharing: fc.integer({ min: 1, max: 3 }),
    dimension: fours(4),
    position: fc.nat(20),
    tokens: few,
  });
  fc.assert(
    fc.property(shapes, ({ keys, sharing, dimension, position, tokens }) => {
      const heads = keys * sharing;
      const width = heads * dimension;
      const [one, other] = both((arithmetic, memory) => {
        memory.set(noise(30_000, 3).map((value) => 4 * value));
        arithmetic.rotate(at(0), at(20_000), heads, dimension, tokens);
        arithmetic.attend(
          at(30_000),
          at(0),
          at(4000),
          at(12_000),
          at(29_000),
          heads,
          sharing,
          dimension,
          position,
          tokens,
        );
        arithmetic.normalize(at(34_000), at(30_000), at(25_000), width, 1e-5, tokens);
        arithmetic.gate(at(34_000), at(26_000), tokens * width);
        arithmetic.add(at(34_000), at(0), tokens * width);
      });
      close(one.subarray(0, 4000), other.subarray(0, 4000));
      close(one.subarray(30_000, 38_000), other.subarray(30_000, 38_000));
    }),
    { numRuns: 40 },
  );
});
