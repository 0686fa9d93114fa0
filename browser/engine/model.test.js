import assert from "node:assert/strict";
import { test } from "node:test";
import { openModel } from "./model.js";
import { readSafetensors } from "./safetensors.js";
import { CONFIG, model, safetensors, weights } from "./testing.js";

const IDS = Array.from({ length: 20 }, (_, at) => (at * 7) % CONFIG.vocab_size);
const copied = (/** @type {Float32Array[]} */ rows) => rows.map((row) => [...row]);

for (const plainly of [false, true]) {
  test(`read in pieces, and over what is forgotten, logits are the same to the bit (plainly: ${plainly})`, () => {
    const whole = copied(model(1, { plainly }).read(IDS, 0));
    const reader = model(1, { plainly });
    reader.remember([...IDS].reverse(), 0);
    const pieces = [
      [0, 1],
      [1, 8],
      [8, 20],
    ].flatMap(([from, to]) => copied(reader.read(IDS.slice(from, to), from)));
    assert.deepEqual(pieces, whole);
    assert.deepEqual(copied(reader.read(IDS.slice(5, 7), 5)), whole.slice(5, 7));
  });
}

test("ids from the shared vocabulary on have no logits", () => {
  const [all] = model(1).read(IDS.slice(0, 1), 0);
  const [few] = model(1, { vocabulary: 11 }).read(IDS.slice(0, 1), 0);
  assert.deepEqual([...few], [...all.slice(0, 11)]);
});

test("what the browser cannot run is refused in a sentence", () => {
  const tensors = readSafetensors(safetensors(weights(1)));
  /** @type {[object, RegExp][]} */
  const cases = [
    [{ model_type: "gpt2" }, /Llama models with model_type llama, and this one has gpt2/],
    [{ rope_parameters: { rope_type: "yarn" } }, /rope_type default, and this one has yarn/],
    [{ attention_bias: true }, /attention_bias false, and this one has true/],
    [{ intermediate_size: 21 }, /multiples of 4, and this one has 21/],
    [{ intermediate_size: 24 }, /gate_proj.weight is 20 × 16, not 24 × 16/],
    [{ tie_word_embeddings: false }, /lacks lm_head.weight/],
  ];
  for (const [change, message] of cases) {
    assert.throws(() => openModel({ ...CONFIG, ...change }, tensors), message);
  }
});
