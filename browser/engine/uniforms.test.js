import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { uniforms } from "./uniforms.js";

test("they are those of numpy.random.default_rng(seed).random((1, 3))", () => {
  assert.deepEqual(
    [...uniforms(12345, 1)],
    [0.22733602246716966, 0.31675833970975287, 0.7973654573327341],
  );
});

test("those of a position do not depend on how many there are, and lie in [0, 1)", () => {
  const seeds = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
  fc.assert(
    fc.property(seeds, fc.nat(8), fc.nat(8), (seed, few, more) => {
      const all = uniforms(seed, few + more);
      assert.deepEqual(uniforms(seed, few), all.slice(0, 3 * few));
      assert.ok(all.every((u) => u >= 0 && u < 1));
    }),
  );
});
