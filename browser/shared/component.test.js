import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { component } from "./component.js";

/** A component that writes down what happens to it. */
function recorded() {
  /** @type {string[]} */
  const log = [];
  let mounts = 0;
  const call = component((_, /** @type {string} */ first) => {
    mounts += 1;
    const number = mounts;
    log.push(`mount ${number}: ${first}`);
    return {
      show: (data) => log.push(`show ${number}: ${data}`),
      leave: () => log.push(`leave ${number}`),
    };
  });
  return { log, call };
}

/** @param {object} parent */
const at = (parent, data = "") => ({
  data,
  parentElement: /** @type {HTMLElement} */ (parent),
  setStateValue: () => {},
});

test("it is mounted once for each place on the page, and shown every time", () => {
  const { log, call } = recorded();
  const [here, there] = [new EventTarget(), new EventTarget()];
  call(at(here, "a"));
  call(at(here, "b"));
  call(at(there, "c"));
  assert.deepEqual(log, ["mount 1: a", "show 1: a", "show 1: b", "mount 2: c", "show 2: c"]);
});

test("leaving a call that another has overtaken changes nothing; leaving the last takes it away", () => {
  const { log, call } = recorded();
  const here = new EventTarget();
  const leaveFirst = call(at(here, "a"));
  const leaveSecond = call(at(here, "b"));
  leaveFirst();
  assert.ok(!log.includes("leave 1"));
  leaveSecond();
  assert.equal(log.at(-1), "leave 1");
  call(at(here, "c"));
  assert.equal(log.at(-2), "mount 2: c");
});

test("its place is listened to by one at a time, and by none when the last has left", () => {
  const { call } = recorded();
  const here = new EventTarget();
  const listeners = () => getEventListeners(here, "click").length;
  call(at(here));
  call(at(here))();
  assert.equal(listeners(), 0);
  call(at(here));
  assert.equal(listeners(), 1);
});
