import assert from "node:assert/strict";
import { test } from "node:test";
import { draftColumns, likeliestOf, logs, targetColumns } from "./columns.js";

const close = (/** @type {number} */ one, /** @type {number} */ other) =>
  assert.ok(Math.abs(one - other) < 1e-6, `${one}, ${other}`);
const logsOf = (/** @type {number[]} */ laws) => logs(Float32Array.from(laws, Math.log));

test("columns are those of the formulas, by hand", () => {
  const [p, q] = [
    [0.5, 0.25, 0.25],
    [0.25, 0.25, 0.5],
  ];
  const [logp, logq] = [logsOf(p.map((value) => 8 * value)), logsOf(q)]; // logits but for a constant
  const { entropy, p: of_token } = targetColumns(logp, 1);
  close(entropy, 1.5 * Math.LN2);
  close(of_token, 0.25);
  const columns = draftColumns(logp, logq, 0);
  close(columns.kl, 0.25 * Math.LN2);
  close(columns.reverse_kl, 0.25 * Math.LN2);
  close(columns.overlap, 0.75);
  close(columns.q, 0.25);
  assert.equal(columns.rank, 2); // of equal ones none comes before the other
  assert.equal(columns.agree, false);
  assert.equal(draftColumns(logp, logp, 0).agree, true);
});

test("the likeliest come first, and what a small vocabulary lacks is -1", () => {
  const { id, p } = likeliestOf(logsOf([0.2, 0.7, 0.1]));
  assert.deepEqual(id, [1, 0, 2, -1, -1]);
  close(p[0], 0.7);
  assert.deepEqual(p.slice(3), [0, 0]);
});
