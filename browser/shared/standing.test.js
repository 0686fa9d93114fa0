import assert from "node:assert/strict";
import { test } from "node:test";
import { pageStands } from "./standing.js";
import { openPage } from "./testing.js";

const RUNNING = '<div data-testid="stApp" data-test-script-state="running">';

test("a page stands when nothing runs and nothing is to come", async () => {
  openPage().innerHTML = `${RUNNING}<i data-testid="stSkeleton"></i></div>`;
  let standing = false;
  const waiting = pageStands().then(() => (standing = true));
  const app = /** @type {HTMLElement} */ (document.querySelector("main > div"));
  const later = () => new Promise((look) => setTimeout(look, 150));
  await later();
  assert(!standing);
  app.dataset.testScriptState = "notRunning";
  await later();
  assert(!standing);
  app.replaceChildren();
  await waiting;
  assert(standing);
});

test("a page from disk stands, and one that never does is not waited for", async () => {
  openPage();
  await pageStands();
  openPage().innerHTML = `${RUNNING}</div>`;
  await pageStands(100);
});
