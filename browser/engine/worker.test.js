import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Stopped, connect } from "./client.js";
import { textOf } from "./pieces.js";
import { CONFIG, TOKENIZER, safetensors, weights } from "./testing.js";
import { serve } from "./worker.js";

const { port1, port2 } = new MessageChannel();
serve(/** @type {any} */ (port1));
const ask = connect(/** @type {any} */ (port2));
after(() => port1.close());

const config = { ...CONFIG, vocab_size: 512, max_position_embeddings: 1024 };
const files = (/** @type {number} */ seed) => ({
  config,
  weights: safetensors(weights(seed, config)),
});
const decoding = { gamma: 3, temperature: 1, top_k: 0, top_p: 1, max_new_tokens: 20 };
const prompt = "Nadia has";
const draft = "draft";

test("before a pair is open there is nothing to decode", async () => {
  await assert.rejects(
    ask({ what: "decode", draft, prompt, decoding, seed: 0 }),
    /open some first/,
  );
});

test("a pair is opened, decodes and is measured; what fails does so in a sentence", async () => {
  const opened = await ask({
    what: "open",
    models: { target: files(1), draft: files(2) },
    tokenizer: TOKENIZER,
    vocabulary: 512,
    eos: null,
  });
  assert.deepEqual(opened, { arithmetic: "simd" });
  /** @type {number[]} */
  const heard = [];
  const asked = { what: /** @type {const} */ ("decode"), draft, prompt, decoding, seed: 0 };
  const { trace, vocabulary } = await ask(asked, { onProgress: (done) => heard.push(done) });
  assert.deepEqual(
    heard,
    heard.toSorted((a, b) => a - b),
  );
  assert.equal(heard.at(-1), 60); // with the target alone before and after
  assert.equal(trace.prompt.map((id) => vocabulary[id].text).join(""), prompt);
  assert.ok(
    trace.rounds.flatMap(({ proposals }) => proposals).every(({ token }) => token in vocabulary),
  );
  assert.equal((await ask({ what: "measure", draft, gamma: 2 })).v.length, 3);
  /** @type {any[]} */
  const spurts = [];
  const tried = { ...asked, what: /** @type {const} */ ("try") };
  const stopped = await ask(tried, { onProgress: (spurt) => spurt && spurts.push(spurt) });
  assert.equal(stopped, "length");
  assert.deepEqual(textOf({ rounds: spurts.map(({ round }) => round) }), textOf(trace));
  assert.ok(spurts.every(({ plain_ms }) => plain_ms > 0));
  assert.ok(
    spurts.every((spurt) => textOf({ rounds: [spurt.round] }).every((id) => spurt.vocabulary[id])),
  );
  await assert.rejects(ask({ ...asked, prompt: "" }), /nothing to go on from/);
  await assert.rejects(ask({ ...asked, draft: "other" }), /no model other here/);
  const read = {
    what: /** @type {const} */ ("read"),
    prompt,
    response: " 5 apples",
    new_tokens: 4,
  };
  const { rows } = await ask(read);
  assert.equal(rows.columns["kl@draft"].length, rows.ids.length - rows.response_from);
  const went = (await ask({ ...read, response: "" })).rows;
  assert.equal(went.ids.length, went.response_from + 4);
  await assert.rejects(ask({ ...read, prompt: "", response: "5" }), /nothing to predict/);
});

test("a request is stopped while it runs, or before; the next is answered", async () => {
  const long = { ...decoding, max_new_tokens: 1000 };
  const running = new AbortController();
  const waiting = new AbortController();
  let passes = 0;
  const first = ask(
    { what: "decode", draft, prompt, decoding: long, seed: 0 },
    {
      signal: running.signal,
      onProgress: () => {
        passes += 1;
        if (passes === 5) running.abort();
      },
    },
  );
  const second = ask(
    { what: "decode", draft, prompt, decoding, seed: 0 },
    { signal: waiting.signal },
  );
  waiting.abort();
  const third = ask(
    { what: "decode", draft, prompt, decoding, seed: 0 },
    { signal: AbortSignal.abort() },
  );
  const fourth = ask({ what: "decode", draft, prompt, decoding, seed: 0 });
  await assert.rejects(first, Stopped);
  await assert.rejects(second, Stopped);
  await assert.rejects(third, Stopped);
  assert.ok(passes < 20, `${passes} passes`);
  assert.ok((await fourth).trace.rounds.length);
});
