/** The replay player: a trace (trace.js) and the step at which it is looked at.
 *
 * Everything happens in the browser. While it plays, a frame changes classes and transforms only;
 * the server hears of step, speed and token when they have rested. */

/** @import { Mounted, ReplayState, ReplayView } from "../shared/types" */
/** @import { Act } from "./controls" */
/** @import { Reading } from "./trace" */

import { component } from "../shared/component.js";
import { make } from "../shared/dom.js";
import { whenRested } from "../shared/rest.js";
import { clamp } from "../shared/scale.js";
import { replayControls } from "./controls.js";
import { caption, heading, invitation, narrated, narration } from "./narration.js";
import { presentation } from "./presentation.js";
import { replayScore } from "./score.js";
import { replayLegend, replayStage } from "./stage.js";
import { lastDecided, readReplay } from "./trace.js";
import { replayWhatIf } from "./whatif.js";
import { whyCard } from "./why.js";

const HOLD = { propose: 320, check: 900, decide: 520, add: 1000 }; // milliseconds at speed 1
const BEGIN = 900;
const LOOKED_AT = 5; // the speed up to which a card can be read while it plays
const OVERTURE = 3; // rounds that play by themselves

/** @typedef {{ view: ReplayView, state: ReplayState }} Data */

/**
 * @param {HTMLElement} parent
 * @returns {Mounted<Data> & { go: (step: number) => void }} `go` moves it from outside
 */
export function replayPlayer(parent) {
  const root = make("section", { class: "replay", tabindex: -1 });
  parent.append(root);
  /** @type {Reading} */
  let reading;
  /** @type {ReturnType<typeof replayStage>} */
  let stage;
  /** @type {ReturnType<typeof replayScore>} */
  let score;
  /** @type {ReturnType<typeof replayControls>} */
  let bar;
  /** @type {HTMLElement} */
  let why;
  /** @type {HTMLElement} */
  let narrator;
  const presented = presentation(root, (on) => {
    bar.present(on);
    stage.follow(at);
    changed();
  });
  /** @type {(state: ReplayState & { of: string }) => void} */
  let report;
  /** @type {(gamma: number) => void} */
  let choose;
  let at = 0;
  let speed = 1;
  /** @type {string | null} id of the chip that is asked about; null: the last decided */
  let token = null;
  let playing = false;
  let until = Infinity; // where it pauses by itself
  let since = 0; // milliseconds at speed 1 that this step has been seen
  /** @type {number | null} time of the frame before */
  let last = null;
  let frame = 0;

  /**
   * @param {ReplayView} view
   * @param {ReplayState} given
   * @param {typeof report} reporter
   * @param {typeof choose} chooser
   */
  function show(view, given, reporter, chooser) {
    [report, choose] = [reporter, chooser];
    if (reading?.id === view.id) return;
    stop();
    forget();
    reading = readReplay(view);
    [at, since] = [0, 0];
    ({ speed, token } = given);
    build();
    stage.show(0, 0);
    go(clamp(given.step ?? 0, 0, reading.steps.length));
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (given.step === null && !still) {
      play(reading.rounds[Math.min(OVERTURE, reading.rounds.length) - 1].to);
    }
    if (given.present) presented.enter();
  }

  function build() {
    stage = replayStage(reading);
    score = replayScore(reading);
    bar = replayControls(reading.steps.length, { act, scrub, rate });
    bar.speed.value = String(speed);
    why = make(
      "div",
      { class: "answer", tabindex: 0, role: "region", "aria-label": "Explanation" },
      invitation(),
    );
    root.classList.toggle("brief", reading.brief);
    narrator = make("p", { class: "told", role: "status", "aria-live": "polite" });
    root.replaceChildren(
      reading.brief ? "" : make("header", {}, heading(reading), caption(reading)),
      bar.element,
      make(
        "div",
        { class: "scene" },
        make("div", { class: "left" }, stage.text, narrator, stage.heading, stage.ladder),
        score.element,
        why,
      ),
      replayLegend(),
      score.note,
      reading.brief ? "" : replayWhatIf(reading, decodeWith),
    );
  }

  /* The step. */

  /** @param {number} next */
  function go(next) {
    const before = at;
    at = clamp(next, 0, reading.steps.length);
    since = 0;
    stage.show(before, at);
    stage.follow(at);
    if (!playing) requestAnimationFrame(() => settle(2));
    score.show(at);
    run();
    bar.show(at, narrated(reading, at));
    if (playing && speed > LOOKED_AT) return;
    narrate();
    explain();
  }

  /** What comes into view for the first time is as large as it is one frame later.
   *
   * @param {number} frames
   */
  function settle(frames) {
    if (playing || !root.isConnected) return;
    stage.follow(at);
    if (frames > 1) requestAnimationFrame(() => settle(frames - 1));
  }

  function narrate() {
    narrator.setAttribute("aria-live", playing ? "off" : "polite");
    narrator.replaceChildren(...narration(reading, at));
  }

  const chipOf = (/** @type {string | null | undefined} */ id) =>
    reading.chips.find((chip) => chip.id === id) ?? null;

  function explain() {
    const asked = chipOf(token);
    const chip = asked && at >= asked.decided ? asked : lastDecided(reading, at);
    stage.choose(asked && chip === asked ? asked : null);
    if (chip?.id === /** @type {HTMLElement} */ (why.firstElementChild).dataset.chip) return;
    why.replaceChildren(chip ? whyCard(reading, chip) : invitation());
  }

  /* Playing. */

  function play(end = Infinity) {
    if (at >= reading.steps.length) go(0);
    [playing, until, last] = [true, end, null];
    forget();
    bar.play(true);
    root.classList.add("playing");
    root.style.setProperty("--quick", `${Math.min(280, 320 / speed)}ms`);
    frame = requestAnimationFrame(tick);
  }

  function stop() {
    if (!playing) return;
    playing = false;
    cancelAnimationFrame(frame);
    bar.play(false);
    root.classList.remove("playing");
    since = 0;
    run();
    narrate();
    explain();
  }

  /** @param {number} now */
  function tick(now) {
    since += last === null ? 0 : Math.min(now - last, 100) * speed;
    last = now;
    let next = at;
    while (next < reading.steps.length && next < until && since >= hold(next)) {
      since -= hold(next);
      next += 1;
    }
    const left = since;
    if (next !== at) go(next);
    since = left;
    if (at >= Math.min(until, reading.steps.length)) {
      stop();
      if (until === Infinity) changed();
      return;
    }
    run();
    frame = requestAnimationFrame(tick);
  }

  /** @param {number} step */
  function hold(step) {
    return step === 0 ? BEGIN : HOLD[reading.steps[step - 1].kind];
  }

  /* The recording's clock, between two steps as well. */
  function run() {
    const { ms } = reading.total;
    const share = at < reading.steps.length ? Math.min(1, since / hold(at)) : 0;
    score.run(at, ms[at] + share * ((ms[at + 1] ?? ms[at]) - ms[at]));
  }

  /* What the viewer does. */

  /** @param {number} next */
  function moved(next) {
    stop();
    go(next);
    changed();
  }

  const roundOf = (/** @type {number} */ step) => (step === 0 ? 0 : reading.steps[step - 1].round);
  /** @type {Record<Act, () => void>} */
  const ACTS = {
    play: () => (playing ? (stop(), changed()) : play()),
    back: () => moved(at - 1),
    on: () => moved(at + 1),
    round_back: () => {
      const { from } = reading.rounds[roundOf(at)];
      moved(at > from ? from : at);
    },
    round_on: () => {
      const round = reading.rounds[roundOf(at)];
      moved(at < round.to ? round.to : (reading.rounds[round.number + 1]?.to ?? round.to));
    },
    first: () => moved(0),
    last: () => moved(reading.steps.length),
    help: () => bar.help(),
    follow: () => ask(null),
    present: () => (presented.on() ? presented.leave() : void presented.full()),
  };

  /** @param {Act} name */
  function act(name) {
    ACTS[name]();
  }

  /** @param {number} step */
  function scrub(step) {
    moved(step);
  }

  /** @param {number} next */
  function rate(next) {
    speed = next;
    root.style.setProperty("--quick", `${Math.min(280, 320 / speed)}ms`);
    changed();
  }

  /** @param {number} gamma */
  function decodeWith(gamma) {
    stop();
    root.scrollIntoView(); // what comes is above
    choose(gamma);
  }

  /** @param {string | null} id */
  function ask(id) {
    token = id === token ? null : id;
    explain();
    changed();
  }

  /** @param {Event} event */
  function click({ target }) {
    const element = closest(target, "[data-chip]");
    if (!element || element.closest(".why")) return;
    if (playing) stop();
    ask(element.dataset.chip ?? null);
  }

  /** @param {Event} event */
  function point({ target }) {
    const element = closest(target, "button[data-chip]");
    const chip = chipOf(element?.dataset.chip);
    if (element && chip) element.title = stage.title(chip);
  }

  /** @type {Record<string, Act>} */
  const KEYS = {
    " ": "play",
    ArrowLeft: "back",
    ArrowRight: "on",
    Home: "first",
    End: "last",
    Escape: "follow",
    "?": "help",
    p: "present",
  };
  /** @type {Record<string, Act>} a clicker's */
  const PRESENTED = { PageUp: "back", PageDown: "on", ArrowUp: "back", ArrowDown: "on" };
  /** @type {Record<string, Act>} */
  const WITH_SHIFT = { ArrowLeft: "round_back", ArrowRight: "round_on" };

  /** @param {KeyboardEvent} event */
  function press(event) {
    event.stopPropagation(); // Streamlit has keys of its own
    const { key } = event;
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.ctrlKey || event.metaKey || event.altKey || target.matches("select")) return;
    const pressed = key === " " && target.matches("button, summary") && !target.dataset.chip;
    const clicked = presented.on() ? PRESENTED[key] : undefined;
    const name = clicked ?? ((event.shiftKey && WITH_SHIFT[key]) || KEYS[key]);
    if (key === "Escape" && presented.on()) return; // leaves
    if (name === "present" && reading.brief) return;
    if (!name || pressed || (name === "follow" && token === null)) return;
    event.preventDefault();
    act(name);
  }

  root.addEventListener("click", click);
  root.addEventListener("pointerover", point);
  root.addEventListener("keydown", press);

  const { ask: changed, forget } = whenRested(() => {
    if (!playing) report({ step: at, speed, token, present: presented.on(), of: reading.id });
  });

  function leave() {
    stop();
    presented.leave();
    forget();
    root.remove();
  }

  return {
    show: ({ view, state }, setStateValue) =>
      show(
        view,
        state,
        (left) => setStateValue("state", left),
        (gamma) => setStateValue("gamma", { gamma, at: Date.now() }), // once more is another value
      ),
    leave,
    go(step) {
      stop();
      go(step);
    },
  };
}

/**
 * @param {EventTarget | null} target
 * @param {string} selector
 */
function closest(target, selector) {
  return /** @type {HTMLElement | null} */ (/** @type {Element} */ (target).closest(selector));
}

export default component(replayPlayer);
