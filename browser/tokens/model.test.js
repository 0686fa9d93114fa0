import assert from "node:assert/strict";
import { test } from "node:test";
import { draftOf, modelOf } from "./model.js";
import { STATE, view } from "./testing.js";
import { read } from "./view.js";

const READING = read(view());
const NO_LIMITS = new Map();

test("only metrics that can be shown are offered, and one that cannot gives way to the first", () => {
  const model = modelOf(READING, { ...STATE, metric: "rival" }, NO_LIMITS);
  assert.deepEqual(
    model.metrics.map(({ name }) => name),
    ["kl", "delta", "entropy"],
  );
  assert.equal(model.metric.name, "kl");
});

test("the metric is the one that the state names", () => {
  assert.equal(modelOf(READING, { ...STATE, metric: "entropy" }, NO_LIMITS).metric.name, "entropy");
});

test("the checkpoint in question plays the draft; one that is not there does not", () => {
  const early = modelOf(READING, { ...STATE, step: "draft@8" }, NO_LIMITS);
  assert.deepEqual([...early.values], [NaN, 2, 3, 4]);
  assert.equal(draftOf(early).step, 8);
  assert.equal(early.entries, undefined, "what is kept was not recorded for it");
  const last = modelOf(READING, { ...STATE, step: "elsewhere" }, NO_LIMITS);
  assert.equal(draftOf(last).step, 25);
});

test("a metric keeps the limits that the user gave it", () => {
  const model = modelOf(READING, STATE, new Map([["kl", [1, 2]]]));
  assert.deepEqual([model.scale.low, model.scale.high], [1, 2]);
});

test("the pool says which entries select", () => {
  const entries = (/** @type {string} */ pool) =>
    modelOf(READING, { ...STATE, pool }, NO_LIMITS).entries;
  assert.deepEqual([...(entries("batch") ?? [])], [65535, 0, 1, 2]);
  assert.deepEqual([...(entries("corpus") ?? [])], [65535, 250, 1000, 0]);
});

test("three drafts' KL are on one scale; the one that is missing has no column", () => {
  const { triple } = modelOf(READING, { ...STATE, underline: "triple" }, NO_LIMITS);
  assert.deepEqual(triple?.names, ["stock", "reference", "draft"]);
  assert.deepEqual(
    triple?.columns.map((column) => column?.[1]),
    [undefined, 0.5, 1],
  );
  assert.equal(triple?.colours[0], "transparent");
  assert.equal(modelOf(READING, STATE, NO_LIMITS).triple, null);
});
