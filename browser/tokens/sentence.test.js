import assert from "node:assert/strict";
import { test } from "node:test";
import { openPage, packed } from "../shared/testing.js";
import { modelOf } from "./model.js";
import { sentence } from "./sentence.js";
import { STATE, view } from "./testing.js";
import { read } from "./view.js";

/** @param {number[]} ids @param {number[]} p */
const list = (ids, p) => {
  const row = (/** @type {number[]} */ values) => [...values, 0, 0, 0, 0].slice(0, 5);
  const none = Array(5).fill(0);
  return {
    id: packed([...none, ...row(ids), ...none, ...none], "u4"),
    p: packed([...none, ...row(p), ...none, ...none]),
  };
};

/** @param {Record<string, any>} more @param {Record<string, any>} [columns] */
const said = (more, columns = {}) => {
  openPage();
  const whole = { ...view(), ...more, columns: { ...view().columns, ...columns } };
  return sentence(modelOf(read(whole), STATE, new Map()), 1).textContent?.trim();
};

test("what both wanted, how often a guess is kept, and when the token is trained on", () => {
  const top = { target: list([1, 2], [0.93, 0.07]), draft: list([2, 1], [0.49, 0.31]) };
  assert.equal(
    said({ top }, { "overlap@draft": packed([0, 0.005, 0, 0]) }),
    "The target wanted  twelve (93 %); the draft expected .⏎ (49 %). A guess is kept here 0.5 % " +
      "of the time. AdaSPEC keeps this token from k = 0.250 on: the reference did better.",
  );
});

test("agreement is said as one", () => {
  const top = { target: list([1], [0.93]), draft: list([1], [1]) };
  assert.ok(said({ top })?.startsWith("Target and draft both expected  twelve (93 % and 100 %)."));
});

test("a sentence has no symbol for less", () => {
  const top = { target: list([1, 2], [0.93, 0.07]), draft: list([2, 1], [0.0004, 0]) };
  assert.match(said({ top }) ?? "", /the draft expected .⏎ [(]less than 0[.]1 %[)]/u);
});

test("a reference as good as the draft did no better, a worse one did worse", () => {
  const equal = { "kl@reference": packed([NaN, 1, 2, 3]) };
  assert.match(said({}, equal) ?? "", /the reference did no better\.$/);
  assert.match(said({}, { "kl@reference": packed([NaN, 2, 2, 3]) }) ?? "", /did worse\.$/);
});

test("what is not known is left out", () => {
  assert.equal(said({ top: {}, roles: { draft: "draft" } }), "");
});
