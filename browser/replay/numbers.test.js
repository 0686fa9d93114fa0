import assert from "node:assert/strict";
import { test } from "node:test";
import { percent, probability } from "./numbers.js";

test("a share in percent", () => {
  assert.deepEqual([0, 0.0004, 0.012, 0.0994, 0.0996, 0.5, 1].map(percent), [
    "0 %",
    "< 0.1 %",
    "1.2 %",
    "9.9 %",
    "10 %",
    "50 %",
    "100 %",
  ]);
});

test("a probability", () => {
  assert.deepEqual([0, 0.001, 0.125, 1].map(probability), ["0.00", "1.0e−3", "0.13", "1.00"]);
});
