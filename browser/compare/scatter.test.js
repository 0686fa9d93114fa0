import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { floorOf, inside } from "./scatter.js";

test("no two distributions lie below the floor", () => {
  const weights = fc.array(fc.double({ min: 1e-6, max: 1, noNaN: true }), {
    minLength: 4,
    maxLength: 4,
  });
  const law = weights.map((list) => {
    const sum = list.reduce((total, weight) => total + weight, 0);
    return list.map((weight) => weight / sum);
  });
  fc.assert(
    fc.property(law, law, (p, q) => {
      const beta = p.reduce((sum, probability, at) => sum + Math.min(probability, q[at]), 0);
      const kl = p.reduce(
        (sum, probability, at) => sum + probability * Math.log(probability / q[at]),
        0,
      );
      assert.ok(beta >= floorOf(Math.max(kl, 0)) - 1e-6);
    }),
  );
});

test("the floor falls from 1 to 0, by Pinsker's bound first and by Bretagnolle and Huber's then", () => {
  assert.equal(floorOf(0), 1);
  assert.ok(Math.abs(floorOf(0.5) - 0.5) < 1e-12);
  assert.ok(Math.abs(floorOf(4) - (1 - Math.sqrt(1 - Math.exp(-4)))) < 1e-12);
  assert.ok(floorOf(0.5) > floorOf(1) && floorOf(40) < 1e-9);
});

test("a rectangle has both its ends, and at the right edge what is drawn there", () => {
  const draft = { kl: [0, 0.1, 1, 25], overlap: [1, 0.5, 0.25, 0] };
  assert.deepEqual(inside(draft, { kl: [0.1, 1], beta: [0.25, 0.5] }), [1, 2]);
  assert.deepEqual(inside(draft, { kl: [0.1, 20], beta: [0, 1] }), [1, 2, 3]);
  assert.deepEqual(inside(draft, { kl: [0.1, 19], beta: [0, 1] }), [1, 2]);
});
