import assert from "node:assert/strict";
import { test } from "node:test";
import { openPage } from "../shared/testing.js";
import { card, keptFrom } from "./card.js";
import { modelOf } from "./model.js";
import { STATE, view } from "./testing.js";
import { read } from "./view.js";

const model = () => modelOf(read(view()), STATE, new Map());

test("a card has each model's numbers, and what follows from them", () => {
  openPage();
  const element = card(model(), 1);
  const kl = (/** @type {string} */ role) =>
    element.querySelector(`[data-role="${role}"]`)?.children[3].textContent;
  assert.deepEqual([kl("target"), kl("reference"), kl("draft")], ["0", "0.500", "1"]);
  assert.match(element.textContent ?? "", /ΔL0\.500kept \(corpus\)from k = 0\.250 on/);
  assert.match(element.textContent ?? "", /step 8: 2step 25: 1/);
});

test("the token that came is marked among those that were likely", () => {
  openPage();
  const guesses = [...card(model(), 1).querySelectorAll(".guess")];
  assert.deepEqual(
    guesses.map((guess) => guess.textContent),
    ["▸ twelve0.750", ".⏎0.250"],
  );
});

test("of a token of the prompt nothing is known", () => {
  openPage();
  assert.match(card(model(), 0).textContent ?? "", /nothing is measured here/);
});

test("from which k on a token is kept", () => {
  assert.equal(keptFrom(0), "from k = 0.000 on");
  assert.equal(keptFrom(1001), "never");
});
