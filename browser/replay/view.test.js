import assert from "node:assert/strict";
import { test } from "node:test";
import { textOf } from "../engine/pieces.js";
import { textOf as written, openPage } from "../shared/testing.js";
import { view } from "./testing.js";
import { readReplay } from "./trace.js";
import { verdict } from "./verdict.js";
import { viewOf } from "./view.js";

const COSTS = { ms: 2, c: 0.25, v: [1, 1.5, 2, 3] };

test("a decoding is shown as the server shows it, with the costs of this browser", () => {
  const wanted = view();
  const { trace, vocabulary, pieces, plain } = wanted;
  const { target, draft, ...decoded } = trace;
  const nameless = { trace: { ...decoded, target: "", draft: "" }, vocabulary, pieces };
  const shown = viewOf(nameless, wanted, COSTS);
  assert.deepEqual(shown, {
    ...wanted,
    trace: { ...trace, target: "target", draft: "adaspec" },
    plain: { ms: plain?.ms, how: shown.plain?.how },
    costs: [
      [1, 0.5, 3],
      [2, 0.5, 4],
      [3, 0.5, 6],
    ],
  });
  assert.deepEqual([target, draft], ["target", "draft"]);
  assert.equal(shown.steps, readReplay(shown).steps.length);
  assert.deepEqual(
    textOf(trace),
    readReplay(shown).kept.map(({ token }) => token),
  );
});

test("the verdict says what is measured and what is computed; without a test there is none", () => {
  openPage();
  const { trace } = view();
  const shown = verdict(COSTS, trace);
  assert.ok(shown);
  const said = written([shown]);
  assert.match(said, /does not pay in this browser: 0\.\d\d times as fast/);
  assert.match(said, /c = 0\.25 · v\(4\) = 3\.00 · α = 0\.75 of 4/);
  assert.match(said, /target alone2\.00 ms/);
  const tracks = [...shown.querySelectorAll(".track")].map((track) => track.textContent);
  assert.deepEqual(
    tracks.map((text) => text?.includes("computed")),
    [false, false, true],
  );
  const quick = verdict({ ms: 2, c: 0.01, v: [1, 1, 1, 1] }, trace);
  assert.match(written([/** @type {HTMLElement} */ (quick)]), /pays in this browser: [23]/);
  assert.equal(verdict(COSTS, { ...trace, rounds: [trace.rounds[2]] }), null);
});
