import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { whenRested } from "./rest.js";

test("it acts once, with what it was last asked with, when nothing has asked for a while", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const act = mock.fn();
  const { ask, forget } = whenRested(act, 300);
  ask(1);
  mock.timers.tick(299);
  ask(2);
  mock.timers.tick(299);
  assert.equal(act.mock.callCount(), 0);
  mock.timers.tick(1);
  assert.deepEqual(
    act.mock.calls.map((call) => call.arguments),
    [[2]],
  );
  ask(3);
  forget();
  mock.timers.tick(1000);
  assert.equal(act.mock.callCount(), 1);
  mock.timers.reset();
});
