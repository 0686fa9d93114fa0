import assert from "node:assert/strict";
import { test } from "node:test";

import { openPage } from "../shared/testing.js";

const parent = openPage();
Object.assign(globalThis, { Element: window.Element, HTMLElement: window.HTMLElement });
/** @type {Map<string, string>} */
const kept = new Map();
/** @type {string[]} */
const notes = [];
let answer = "granted";
let asked = 0;

class FakeNotification {
  /** @param {string} title */
  constructor(title) {
    notes.push(title);
  }
  static async requestPermission() {
    asked += 1;
    return answer;
  }
  addEventListener() {}
}
Object.assign(globalThis, {
  Notification: FakeNotification,
  sessionStorage: {
    getItem: (/** @type {string} */ name) => kept.get(name) ?? null,
    setItem: (/** @type {string} */ name, /** @type {string} */ value) => kept.set(name, value),
  },
});
Object.assign(window, { Notification: FakeNotification });
const { default: notice } = await import("./notice.js");

/** @param {[id: string, word: string][]} runs the first one is shown */
function show(...runs) {
  const live = (/** @type {string} */ word) => ["queued", "running"].includes(word);
  const data = {
    shown: runs[0][0],
    runs: runs.map(([id, word]) => ({ id, name: `run ${id}`, word, live: live(word) })),
  };
  notice({ data, parentElement: parent, setStateValue: () => {} });
}

const row = () => /** @type {HTMLElement} */ (parent.querySelector(".notice-row"));
const button = () => /** @type {HTMLButtonElement} */ (parent.querySelector("button"));

async function click() {
  button().click();
  await new Promise((resolve) => setTimeout(resolve));
}

test("nothing is asked for, and nothing told, that nobody asked for", () => {
  show(["a", "running"]);
  assert.equal(row().hidden, false);
  assert.equal(button().textContent, "Tell me when it ends");
  show(["a", "finished"]);
  assert.equal(row().hidden, true);
  assert.deepEqual([notes, asked], [[], 0]);
});

test("a watched run is told of once, whichever run is open", async () => {
  show(["a", "queued"], ["b", "running"]);
  await click();
  assert.equal(asked, 1);
  assert.equal(button().getAttribute("aria-pressed"), "true");
  show(["b", "running"], ["a", "running"]);
  assert.equal(button().getAttribute("aria-pressed"), "false");
  show(["b", "running"], ["a", "failed"]);
  show(["b", "finished"], ["a", "failed"]);
  assert.deepEqual(notes, ["run a: failed"]);
});

test("a second click takes it back", async () => {
  notes.length = 0;
  show(["c", "running"]);
  await click();
  await click();
  show(["c", "finished"]);
  assert.deepEqual(notes, []);
});

test("a browser that refuses is said, and nothing is watched", async () => {
  answer = "denied";
  show(["d", "running"]);
  await click();
  assert.match(row().textContent ?? "", /does not allow it/);
  show(["d", "finished"]);
  assert.deepEqual(notes, []);
});
