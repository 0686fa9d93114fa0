import assert from "node:assert/strict";
import { test } from "node:test";
import { filled } from "./line.js";

test("the area lies between the steps and the floor, and what is not measured leaves a gap", () => {
  assert.equal(
    filled([1, NaN, 0], 0.5),
    "M0.00 50.0V0.0H333.33V50.0ZM666.67 50.0V100.0H1000.00V50.0Z",
  );
});
