import assert from "node:assert/strict";
import { test } from "node:test";
import {
  amount,
  chance,
  fixed,
  flops,
  minus,
  nats,
  percent,
  shortPercent,
  signed,
  thousandths,
  written,
} from "./numbers.js";

test("a value of any size is written with as many digits as tell something", () => {
  const cases = /** @type {const} */ ([
    [0.5, "0.500"],
    [-0.25, "−0.250"],
    [99.9994, "99.999"],
    [123.4, "123"],
    [3, "3"],
    [-3, "−3"],
    [0.00042, "4.2e−4"],
    [NaN, "–"],
    [undefined, "–"],
  ]);
  for (const [value, text] of cases) assert.equal(written(value), text);
});

test("thousandths", () => {
  assert.deepEqual([0, 7, 400, 1000].map(thousandths), ["0.000", "0.007", "0.400", "1.000"]);
});

test("a fixed number of digits, and a dash for what is not a number", () => {
  assert.equal(fixed(-1.2345, 2), "−1.23");
  for (const nothing of [null, undefined, NaN, Infinity]) assert.equal(fixed(nothing, 2), "–");
});

test("a sign before every number", () => {
  assert.equal(signed(0.5, 1), "+0.5");
  assert.equal(signed(-0.5, 1), "−0.5");
});

test("nats have no minus before a zero", () => {
  assert.equal(nats(-0.0001), "0.000");
  assert.equal(nats(-0.0006), "−0.001");
  assert.equal(nats(NaN), "–");
});

test("amounts are grouped, shares are in percent", () => {
  assert.equal(amount(11355), "11,355");
  assert.equal(amount(null), "–");
  assert.equal(percent(0.1234), "12.3 %");
  assert.equal(percent(0 / 0), "–");
});

test("a probability in percent is as short as can be read", () => {
  assert.deepEqual([0, 0.0004, 0.012, 0.0994, 0.0996, 0.5, 1].map(shortPercent), [
    "0 %",
    "< 0.1 %",
    "1.2 %",
    "9.9 %",
    "10 %",
    "50 %",
    "100 %",
  ]);
});

test("operations have their unit, and p-values four digits", () => {
  assert.deepEqual([0, 999, 1.5e9, 2.5249e12, 3e18, null].map(flops), [
    "0 FLOP",
    "999 FLOP",
    "1.5 GFLOP",
    "2.52 TFLOP",
    "3 EFLOP",
    "–",
  ]);
  assert.deepEqual([0.00001, 0.0123, 1].map(chance), ["< 0.0001", "0.0123", "1.0000"]);
});

test("a minus is as wide as a plus", () => {
  assert.equal(minus("-1 to -2"), "−1 to −2");
});
