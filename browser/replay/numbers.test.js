import assert from "node:assert/strict";
import { test } from "node:test";
import { probability } from "./numbers.js";

test("a probability", () => {
  assert.deepEqual([0, 0.001, 0.125, 1].map(probability), ["0.00", "1.0e−3", "0.13", "1.00"]);
});
