import assert from "node:assert/strict";
import { test } from "node:test";
import { measureCosts, verdictOf } from "./costs.js";
import { model } from "./testing.js";

test("costs are measured in passes of the target over one token", () => {
  const steps = measureCosts(model(1), model(2), 3);
  let step = steps.next();
  while (!step.done) step = steps.next();
  const { ms, c, v } = step.value;
  assert.equal(v.length, 4);
  assert.equal(v[0], 1);
  assert.ok(ms > 0 && c > 0 && v.every((cost) => cost > 0));
});

test("a clock of whole milliseconds tells what passes of less cost", ({ mock }) => {
  let time = 0;
  mock.method(performance, "now", () => Math.floor((time += 1e-4)));
  const [target, draft] = [model(1), model(2)].map((real, at) =>
    Object.assign(Object.create(real), {
      read: (/** @type {number[]} */ ids) => {
        time += [0.37, 0.02][at] * ids.length;
        return [];
      },
    }),
  );
  const steps = measureCosts(target, draft, 4);
  let step = steps.next();
  while (!step.done) step = steps.next();
  const { ms, c, v } = step.value;
  assert.ok(Math.abs(ms / 0.37 - 1) < 0.05, `${ms} ms`);
  assert.ok(Math.abs(c / (0.02 / 0.37) - 1) < 0.05, `c ${c}`);
  assert.ok(Math.abs(v[4] / 5 - 1) < 0.05, `v ${v[4]}`);
});

test("speculating pays by what a round gives and what it takes", () => {
  const idle = verdictOf({ ms: 1, c: 0.05, v: [1, 1, 1, 1, 1] }, 4, 0.8);
  assert.ok(Math.abs(idle.tokens - (1 + 0.8 + 0.64 + 0.512 + 0.4096)) < 1e-12);
  assert.ok(Math.abs(idle.speedup - idle.tokens / 1.2) < 1e-12);
  assert.equal(idle.speedup, idle.idle);
  assert.match(idle.why, /3\.36 tokens .* as long as 1\.20 .*: speculating pays here/);
  assert.equal(verdictOf({ ms: 1, c: 0, v: [1, 1, 1] }, 2, 1).tokens, 3);
});

test("where it does not pay, the sentence says what is to blame", () => {
  const busy = verdictOf({ ms: 1, c: 0.05, v: [1, 2, 3, 4, 5] }, 4, 0.8);
  assert.ok(busy.speedup < 1 && busy.idle > 1);
  assert.match(busy.why, /checking 5 tokens takes 5\.0 times as long as one/);
  const poor = verdictOf({ ms: 1, c: 0.5, v: [1, 1, 1, 1, 1] }, 4, 0.2);
  assert.match(poor.why, /drafting 4 tokens alone takes 2\.00, and too few are accepted/);
});
