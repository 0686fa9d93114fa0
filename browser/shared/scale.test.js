import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { clamp, histogram, level, position, scaleOf, valid, valueAt } from "./scale.js";

const LINEAR = { low: 0, high: 4, log: false, diverging: false };
const LOG = { low: 1e-4, high: 10, log: true, diverging: false };
const DIVERGING = { low: -1, high: 2, log: false, diverging: true };

/** @type {import("./types").Metric} */
const METRIC = {
  name: "kl",
  label: "KL",
  unit: "nats",
  column: "kl",
  of: "draft",
  minus: null,
  low: 0.01,
  high: 4,
  scale: "log",
  diverging: false,
  explanation: "",
};

test("a scale has its metric's limits, or those that the user has moved", () => {
  assert.deepEqual(scaleOf(METRIC), { low: 0.01, high: 4, log: true, diverging: false });
  assert.deepEqual(scaleOf(METRIC, [1, 2]), { low: 1, high: 2, log: true, diverging: false });
});

test("a position is 0 at the low limit, 1 at the high one, and goes on beyond", () => {
  assert.equal(position(LINEAR, 1), 0.25);
  assert.equal(position(LINEAR, 6), 1.5);
  assert.equal(position(LINEAR, -2), -0.5);
  assert.ok(Math.abs(position(LOG, 0.1) - 0.6) < 1e-12, "three of five decades");
});

test("the value at a position is at that position", () => {
  const scales = fc.constantFrom(LINEAR, LOG, DIVERGING);
  fc.assert(
    fc.property(scales, fc.double({ min: -0.5, max: 1.5, noNaN: true }), (scale, at) => {
      assert.ok(Math.abs(position(scale, valueAt(scale, at)) - at) < 1e-9);
    }),
  );
});

test("a level is clamped, goes to -1 below zero where the metric diverges, and keeps NaN", () => {
  assert.equal(level(LINEAR, 5), 1);
  assert.equal(level(LINEAR, -1), 0);
  assert.equal(level(DIVERGING, 1), 0.5);
  assert.equal(level(DIVERGING, -0.5), -0.5);
  assert.equal(level(DIVERGING, -3), -1);
  assert.ok(Number.isNaN(level(LINEAR, NaN)));
  assert.ok(Number.isNaN(level(DIVERGING, NaN)));
});

test("clamp", () => {
  assert.deepEqual(
    [-1, 0.5, 2].map((value) => clamp(value, 0, 1)),
    [0, 0.5, 1],
  );
});

test("limits are valid in order, above zero on a logarithmic scale, around it on a diverging one", () => {
  assert.ok(valid(LINEAR) && valid(LOG) && valid(DIVERGING));
  assert.ok(!valid({ ...LINEAR, low: 4 }));
  assert.ok(!valid({ ...LINEAR, high: NaN }));
  assert.ok(!valid({ ...LOG, low: 0 }));
  assert.ok(!valid({ ...DIVERGING, low: 0 }));
});

test("a histogram counts what lies on the scale; the last part has both its ends", () => {
  const values = [0, 0.99, 1, 3.99, 4, 4.01, -0.01, NaN];
  assert.deepEqual([...histogram(LINEAR, values, 4)], [2, 1, 0, 2]);
});

test("a histogram counts as a plain loop over its parts does", () => {
  const values = fc.array(fc.double({ min: -1, max: 5, noNaN: true }));
  fc.assert(
    fc.property(values, fc.constantFrom(1, 2, 4, 8, 16), (list, size) => {
      const plain = Array.from({ length: size }, (_, part) => {
        const [from, to] = [part / size, (part + 1) / size];
        const last = part === size - 1;
        return list.filter((value) => {
          const at = value / 4;
          return at >= from && (at < to || (last && at === 1));
        }).length;
      });
      assert.deepEqual([...histogram(LINEAR, list, size)], plain);
    }),
  );
});
