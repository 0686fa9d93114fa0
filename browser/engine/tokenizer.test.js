import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { openTokenizer } from "./tokenizer.js";
import { TOKENIZER } from "./testing.js";

const tokenizer = openTokenizer(TOKENIZER);

test("any text comes back from its tokens", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
      assert.equal(tokenizer.decode(tokenizer.encode(text)), text);
    }),
    { numRuns: 500 },
  );
});

test("a token's bytes are what it stands for, and those of a text's tokens are the text's", () => {
  const text = "Nadia has 12 東京 🙂";
  const bytes = tokenizer.encode(text).flatMap((id) => [...tokenizer.bytes[id]]);
  assert.deepEqual(Uint8Array.from(bytes), new TextEncoder().encode(text));
});

test("an added token is one wherever it stands, the longest of several", () => {
  const more = { ...TOKENIZER.added_tokens[0], content: "<|endoftext|>!", id: 600 };
  const { encode, special } = openTokenizer({
    ...TOKENIZER,
    added_tokens: [...TOKENIZER.added_tokens, more],
  });
  assert.deepEqual(encode("<|endoftext|>"), [0]);
  assert.deepEqual(encode("<|endoftext|>!<|endoftext|>"), [600, 0]);
  assert.deepEqual([...special], [0, 600]);
});

test("merges may be pairs or strings, as tokenizers has written them", () => {
  const model = {
    ...TOKENIZER.model,
    merges: TOKENIZER.model.merges.map((/** @type {string[]} */ pair) => pair.join(" ")),
  };
  const older = openTokenizer({ ...TOKENIZER, model });
  assert.deepEqual(older.encode("Nadia has coins"), tokenizer.encode("Nadia has coins"));
});

test("what is not known is refused by name", () => {
  const { model, added_tokens } = TOKENIZER;
  const incomplete = { ...model.vocab };
  delete incomplete.a;
  /** @type {[object, RegExp][]} */
  const cases = [
    [{ normalizer: { type: "Lowercase" } }, /it has the part Lowercase/],
    [{ pre_tokenizer: { type: "Metaspace" } }, /it has the part Metaspace/],
    [{ pre_tokenizer: { type: "constructor" } }, /it has the part constructor/],
    [{ pre_tokenizer: { type: "ByteLevel", add_prefix_space: true } }, /add_prefix_space: true/],
    [{ pre_tokenizer: null }, /no pre-tokenizer/],
    [{ decoder: { type: "ByteFallback" } }, /a decoder other than ByteLevel/],
    [{ model: { ...model, type: "Unigram" } }, /a model of the type Unigram/],
    [{ model: { ...model, byte_fallback: true } }, /byte_fallback: true/],
    [{ model: { ...model, vocab: incomplete } }, /no token for the byte 97/],
    [{ added_tokens: [{ ...added_tokens[0], lstrip: true }] }, /lstrip: true/],
    [
      { post_processor: { type: "TemplateProcessing", single: [{}, {}] } },
      /a post-processor that adds tokens/,
    ],
  ];
  for (const [change, message] of cases) {
    assert.throws(() => openTokenizer({ ...TOKENIZER, ...change }), message);
  }
});
