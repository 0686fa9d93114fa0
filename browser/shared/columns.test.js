import assert from "node:assert/strict";
import { test } from "node:test";
import { column } from "./columns.js";

/** @param {ArrayBufferView} array */
const packed = (array) => Buffer.from(array.buffer).toString("base64");

test("a column comes back as it was packed, with its type", () => {
  const arrays = /** @type {const} */ ([
    ["f4", new Float32Array([0.5, -1e-7, NaN])],
    ["u4", new Uint32Array([0, 4294967295])],
    ["u2", new Uint16Array([1000, 65535])],
    ["u1", new Uint8Array([0, 1, 255])],
  ]);
  for (const [type, array] of arrays) {
    assert.deepEqual(column({ type, base64: packed(array) }), array);
  }
});

test("an empty column is empty", () => {
  assert.equal(column({ type: "f4", base64: "" }).length, 0);
});
