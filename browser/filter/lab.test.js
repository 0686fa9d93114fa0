import assert from "node:assert/strict";
import { test } from "node:test";
import { openPage } from "../shared/testing.js";
import { filterDials } from "./headlines.js";
import { filterSample } from "./sample.js";

test("a step of k outlines the tokens that come in, and takes back those that leave", () => {
  openPage();
  const sample = filterSample({
    text: {
      title: "a text",
      vocabulary: { 0: { text: "Say:" }, 1: { text: " one" }, 2: { text: ".\n" } },
      id: new Uint32Array([0, 1, 2]),
      response: new Uint8Array([0, 1, 1]),
      entry: new Uint16Array([65535, 300, 700]),
    },
  });
  const kept = () =>
    [...sample.element.querySelectorAll(".kept")].map((token) => token.textContent);
  const after = (/** @type {number} */ k) => {
    sample.show(k);
    return kept();
  };
  assert.deepEqual(after(299), []);
  assert.deepEqual(after(1000), [" one", ".⏎"]);
  assert.deepEqual(after(300), [" one"]);
  assert.match(sample.element.textContent ?? "", /1 of 2 answer tokens are kept/);
});

test("a field says a k in thousandths, or none", () => {
  openPage();
  const dials = filterDials();
  const typed = (/** @type {string} */ text) => {
    dials.number.value = text;
    return dials.read(dials.number);
  };
  assert.deepEqual(["0.4", "1", "1.5", "-0.1", ""].map(typed), [400, 1000, null, null, null]);
  dials.show(250);
  assert.equal(dials.read(dials.slider), 250);
  assert.equal(dials.number.value, "0.250");
});
