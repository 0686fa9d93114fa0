import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "./client.js";

test("where the worker does not run, what was asked fails, and what is asked later", async () => {
  /** @type {import("./client.js").Peer & { asked: number }} */
  const worker = { asked: 0, postMessage: () => (worker.asked += 1), onmessage: null };
  const ask = connect(worker);
  const measure = { what: /** @type {const} */ ("measure"), draft: "draft", gamma: 2 };
  const before = ask(measure);
  worker.onerror?.(/** @type {any} */ ({ message: "out of memory" }));
  await assert.rejects(before, /engine does not run: out of memory/);
  await assert.rejects(ask(measure), /engine does not run: out of memory/);
  assert.equal(worker.asked, 1);
});
