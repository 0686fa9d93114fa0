import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { distribution, draw, residual, softmax, total } from "./sampler.js";

const logits = fc
  .array(fc.double({ min: -8, max: 8, noNaN: true }), { minLength: 2, maxLength: 30 })
  .map((list) => Float32Array.from(list));
const law = { gamma: 4, temperature: 1, top_k: 0, top_p: 1, max_new_tokens: 1 };

test("a law adds up to 1, and has no more than the k likeliest tokens", () => {
  const rules = fc.record({
    temperature: fc.double({ min: 0.2, max: 3, noNaN: true }),
    top_k: fc.nat(10),
    top_p: fc.constantFrom(1, 0.9, 0.5),
  });
  fc.assert(
    fc.property(logits, rules, (row, rule) => {
      const p = distribution(row, { ...law, ...rule });
      assert.ok(Math.abs(total(p) - 1) < 1e-5);
      const kept = p.filter((value) => value > 0);
      if (rule.top_k && new Set(row).size === row.length) assert.ok(kept.length <= rule.top_k);
    }),
  );
});

test("the fewest tokens that reach top-p, after the k likeliest", () => {
  const row = Float32Array.from([0.1, 0.4, 0.2, 0.3], Math.log);
  const kept = (/** @type {object} */ rule) =>
    Array.from(distribution(row, { ...law, ...rule }), (value) => Number(value.toFixed(4)));
  assert.deepEqual(kept({ top_p: 0.6 }), [0, 0.5714, 0, 0.4286]);
  assert.deepEqual(kept({ top_k: 3 }), [0, 0.4444, 0.2222, 0.3333]);
  assert.deepEqual(kept({ top_k: 3, top_p: 0.7 }), [0, 0.5714, 0, 0.4286]);
  assert.deepEqual(kept({ temperature: 0 }), [0, 1, 0, 0]);
});

test("a uniform draws the token whose part of the cumulated law it lies in", () => {
  fc.assert(
    fc.property(logits, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (row, u) => {
      const p = softmax(row);
      const token = draw(p, u);
      assert.ok(total(p.subarray(0, token)) <= u * total(p));
      assert.ok(total(p.subarray(0, token + 1)) > u * total(p) || token === p.length - 1);
    }),
  );
  assert.equal(draw(Float32Array.of(0, 0.5, 0, 0.5), 0), 1, "never one without weight");
});

test("a residual is what the target gives more; of two that are equal it is the target's law", () => {
  const [p, q] = [Float32Array.of(0.5, 0.25, 0.25), Float32Array.of(0.25, 0.75, 0)];
  assert.deepEqual([...residual(p, q)], [0.25, 0, 0.25]);
  assert.deepEqual(residual(p, p), p);
});
