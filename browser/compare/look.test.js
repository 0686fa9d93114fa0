import assert from "node:assert/strict";
import { test } from "node:test";
import { field } from "./look.js";

test("a field of a row by its dotted name", () => {
  assert.equal(field({ alpha: { tested: 0.5 } }, "alpha.tested"), 0.5);
  assert.equal(field({ kl: 1 }, "alpha.tested"), undefined);
});
