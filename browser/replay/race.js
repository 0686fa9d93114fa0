/** Two drafts decode the same prompt by the same clock, side by side. */

/** @import { Mounted, RaceState, RaceView, ReplayView } from "../shared/types" */

import { component } from "../shared/component.js";
import { make } from "../shared/dom.js";
import { whenRested } from "../shared/rest.js";
import { clamp } from "../shared/scale.js";
import { icon } from "./controls.js";
import { track } from "./score.js";
import { replayLegend, replayStage } from "./stage.js";
import { clockOf, readReplay } from "./trace.js";

const LASTS = 12_000; // milliseconds that the longer decoding is played for
const MADE = "Tokens of its text by now.";

/** @typedef {{ view: RaceView, state: RaceState }} Data */
/** @typedef {ReturnType<typeof laneOf>} Lane */

/** Where a decoding is at a time: the step that is over.
 *
 * @param {Float64Array} clock when each step is over
 * @param {number} ms
 */
export function stepAt(clock, ms) {
  let [low, high] = [0, clock.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (clock[middle] <= ms + 1e-9) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Who is ahead at a time, and by how much, in a sentence.
 *
 * @param {{ draft: string, tokens: number, passes: number, ended: number | null }[]} lanes `ended` is
 *   when, once it has
 * @param {number} ms
 */
export function standing([first, second], ms) {
  const all = (/** @type {typeof first} */ { draft, tokens, passes, ended }) =>
    `${draft}: ${tokens} tokens in ${passes} passes and ${ended?.toFixed(0)} ms`;
  if (first.ended !== null && second.ended !== null) {
    const pace = (/** @type {typeof first} */ { tokens, ended }) => tokens / (ended ?? 1);
    const [quicker, slower] = pace(first) >= pace(second) ? [first, second] : [second, first];
    const times = pace(quicker) / pace(slower);
    const who =
      times < 1.005
        ? "Both are as fast, token for token"
        : `${quicker.draft} is ${times.toFixed(2)} times as fast, token for token`;
    return `${who}. ${all(quicker)}; ${all(slower)}.`;
  }
  const [ahead, behind] = first.tokens >= second.tokens ? [first, second] : [second, first];
  const at = `after ${ms.toFixed(1)} ms`;
  return ahead.tokens === behind.tokens
    ? `Level ${at}: ${ahead.tokens} tokens each.`
    : `${ahead.draft} is ahead ${at}: ${ahead.tokens} tokens, ${behind.draft} ${behind.tokens}.`;
}

/** @param {ReplayView} view */
function laneOf(view) {
  const reading = readReplay(view);
  const stage = replayStage(reading, view.draft);
  const made = track("tokens", MADE);
  const clock = clockOf(reading);
  let step = 0;
  const element = make(
    "section",
    { class: "runner", "aria-label": view.draft },
    make("h3", {}, view.draft),
    made.element,
    stage.text,
    stage.heading,
    stage.ladder,
  );
  stage.show(0, 0);

  /** @param {number} ms
   * @param {number} most tokens of either text
   */
  function run(ms, most) {
    const next = stepAt(clock, ms);
    if (next !== step) {
      stage.show(step, next);
      stage.follow(next);
    }
    step = next;
    const tokens = reading.total.tokens[step];
    made.bar.style.transform = `scaleX(${tokens / most})`;
    made.count.textContent = `${tokens} of ${reading.kept.length}`;
    const end = clock[reading.steps.length];
    const passes = reading.total.passes[step];
    return { draft: view.draft, tokens, passes, ended: ms + 1e-9 < end ? null : end };
  }

  return { element, run, tokens: reading.kept.length, end: clock[reading.steps.length] };
}

/**
 * @param {HTMLElement} parent
 * @returns {Mounted<Data>}
 */
export function draftRace(parent) {
  const root = make("section", { class: "replay duel", tabindex: -1 });
  parent.append(root);
  const play = make("button", { type: "button", class: "play" });
  const slider = make("input", { type: "range", min: 0, step: "any", "aria-label": "Clock" });
  const where = make("output", { class: "where quiet" });
  const said = make("p", { class: "told", role: "status" });
  /** @type {Lane[]} */
  let lanes = [];
  let id = "";
  let [end, most, now] = [0, 1, 0];
  let frame = 0; // 0: it does not play
  let last = 0; // time of the frame before
  /** @type {(state: RaceState & { of: string }) => void} */
  let report;

  /** @param {number} ms */
  function go(ms) {
    now = clamp(ms, 0, end);
    slider.value = String(now);
    where.textContent = `${now.toFixed(1)} of ${end.toFixed(1)} ms`;
    const stands = lanes.map(({ run }) => run(now, most));
    const words = standing(stands, now);
    if (said.textContent !== words) said.textContent = words;
  }

  function start() {
    if (now >= end) go(0);
    last = performance.now();
    frame = requestAnimationFrame(tick);
    showPlaying();
  }

  /** @param {number} time */
  function tick(time) {
    go(now + (Math.max(0, Math.min(time - last, 100)) * end) / LASTS);
    last = time;
    if (now < end) frame = requestAnimationFrame(tick);
    else stop();
  }

  function stop() {
    cancelAnimationFrame(frame);
    frame = 0;
    showPlaying();
    changed();
  }

  function showPlaying() {
    said.setAttribute("aria-live", frame ? "off" : "polite");
    play.replaceChildren(icon(frame ? "pause" : "play"), frame ? "Pause" : "Play");
  }

  const { ask: changed, forget } = whenRested(() => {
    if (!frame) report({ clock: now >= end ? end : now, of: id });
  });

  play.addEventListener("click", () => (frame ? stop() : start()));
  slider.addEventListener("input", () => {
    const ms = slider.valueAsNumber;
    if (frame) stop();
    go(ms);
    changed();
  });

  /** @param {RaceView} view
   * @param {RaceState} state
   */
  function build(view, state) {
    if (frame) stop();
    forget();
    ({ id } = view);
    lanes = view.replays.map(laneOf);
    end = Math.max(...lanes.map((lane) => lane.end));
    most = Math.max(...lanes.map(({ tokens }) => tokens));
    slider.max = String(end);
    root.replaceChildren(
      make("header", {}, make("h2", {}, view.title)),
      make("div", { class: "controls" }, play, slider, where),
      said,
      make("div", { class: "runners" }, ...lanes.map(({ element }) => element)),
      replayLegend(),
      make(
        "p",
        { class: "quiet" },
        `${view.clock} One prompt is one throw of the die: `,
        make("a", { href: view.compare, target: "_self" }, "Compare"),
        " has all prompts, with intervals.",
      ),
    );
    go(state.clock ?? 0);
    showPlaying();
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (state.clock === null && !still) start();
  }

  function leave() {
    cancelAnimationFrame(frame);
    forget();
    root.remove();
  }

  return {
    show({ view, state }, setStateValue) {
      report = (left) => setStateValue("state", left);
      if (id !== view.id) build(view, state);
    },
    leave,
  };
}

export default component(draftRace);
