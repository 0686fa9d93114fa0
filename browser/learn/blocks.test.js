import assert from "node:assert/strict";
import { test } from "node:test";
import { openPage, textOf } from "../shared/testing.js";
import { words } from "./blocks.js";

test("no dotted word is parted from the sign behind it", () => {
  const main = openPage();
  /** @type {import("../shared/types").Stretch[]} */
  const idea = [
    ["A model, the ", null],
    ["draft", "draft"],
    [", guesses ", null],
    ["tokens", "token"],
    [" for the ", null],
    ["target", "target"],
    [".", null],
  ];
  main.append(...words(idea, { draft: "small", token: "a piece", target: "large" }));
  assert.equal(main.textContent, textOf(idea.map(([text]) => text)));
  const whole = [...main.querySelectorAll(".dotted")].map(({ textContent }) => textContent);
  assert.deepEqual(whole, ["draft,", "tokens", "target."]);
});
