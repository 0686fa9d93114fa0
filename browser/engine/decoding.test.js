import assert from "node:assert/strict";
import { test } from "node:test";
import { atOnce, decode, decodeBesidePlain } from "./decoding.js";
import { model } from "./testing.js";

/** @import { Trace } from "../schemas/trace" */

const [target, draft] = [model(1), model(40)];
const request = {
  target,
  draft,
  prompt: [3, 1, 4],
  decoding: { gamma: 4, temperature: 0, top_k: 0, top_p: 1, max_new_tokens: 30 },
  seed: 0,
  eos: null,
};
const plain = { ...request, draft: null, decoding: { ...request.decoding, gamma: 0 } };

/** @param {Trace} trace */
const textOf = ({ rounds }) =>
  rounds.flatMap(({ proposals, last }) => [
    ...proposals.filter(({ accepted }) => accepted).map(({ token }) => token),
    ...(last ? [last.token] : []),
  ]);

test("a greedy text is the target's own at every draft length, whatever the draft", () => {
  const own = textOf(atOnce(decode(plain)));
  assert.equal(own.length, 30);
  for (const gamma of [1, 2, 5, 64]) {
    for (const other of [draft, target]) {
      const decoding = { ...request.decoding, gamma };
      assert.deepEqual(textOf(atOnce(decode({ ...request, draft: other, decoding }))), own);
    }
  }
});

test("the target as its own draft has every guess accepted", () => {
  const decoding = { ...request.decoding, temperature: 1 };
  const { rounds } = atOnce(decode({ ...request, draft: target, decoding }));
  assert.ok(rounds.every(({ proposals }) => proposals.every(({ accepted }) => accepted)));
  assert.equal(rounds.length, 6);
});

test("a text ends with its last token, and at the models' context", () => {
  const own = textOf(atOnce(decode(plain)));
  const eos = own[9];
  const ended = atOnce(decode({ ...request, eos }));
  assert.deepEqual(textOf(ended), own.slice(0, own.indexOf(eos) + 1));
  assert.equal(ended.stopped, "eos");
  const full = atOnce(decode({ ...request, prompt: Array(95).fill(3) }));
  assert.deepEqual([textOf(full).length, full.stopped], [5, "context"]);
});

test("it pauses after every pass, with the tokens so far", () => {
  const pauses = [...decode(plain)];
  assert.deepEqual(pauses, [0, ...Array.from({ length: 30 }, (_, at) => at + 1)]);
});

test("plain decoding is timed beside it", () => {
  const steps = decodeBesidePlain(request);
  let step = steps.next();
  while (!step.done) step = steps.next();
  assert.ok(Number(step.value.plain_ms) > 0);
  assert.deepEqual(textOf(step.value), textOf(atOnce(decode(request))));
});

test("what cannot be decoded is refused in a sentence", () => {
  /** @type {[object, RegExp][]} */
  const cases = [
    [{ prompt: [] }, /nothing to go on from/],
    [{ prompt: [30] }, /Not both models know the token 30/],
    [{ prompt: Array(100).fill(1) }, /The prompt has 100 tokens; the models take 100/],
    [
      { target: { ...target, read: () => [new Float32Array(30).fill(NaN)] } },
      /The logits of the target are not numbers/,
    ],
  ];
  for (const [change, message] of cases) {
    assert.throws(() => atOnce(decode({ ...request, ...change })), message);
  }
});
