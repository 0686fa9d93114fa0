import assert from "node:assert/strict";
import { test } from "node:test";
import { draw, make } from "./dom.js";
import { openPage } from "./testing.js";

test("an element has its attributes and children; undefined, false and null leave out", () => {
  openPage();
  const inner = make("b", {}, "bold");
  const element = make(
    "p",
    { class: "quiet", hidden: false, title: undefined, tabindex: 0 },
    "a ",
    inner,
    null,
    3,
  );
  assert.equal(element.outerHTML, '<p class="quiet" tabindex="0">a <b>bold</b>3</p>');
});

test("a drawing is SVG", () => {
  openPage();
  assert.equal(draw("path", { d: "M0 0" }).namespaceURI, "http://www.w3.org/2000/svg");
});

test("text is never parsed", () => {
  openPage();
  assert.equal(make("p", {}, "<b>").childElementCount, 0);
});
