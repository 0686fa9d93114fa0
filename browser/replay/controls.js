/** The player's buttons, its slider, its speed and its keys. */

import { draw, make } from "../shared/dom.js";

const SPEEDS = [0.5, 1, 2, 5, 20, 100];
const PLAYER_KEYS = [
  ["space", "play, pause"],
  ["← →", "a step back, on"],
  ["Shift ← →", "a round back, on"],
  ["Home End", "beginning, end"],
  ["click", "why this token; again: follow the play"],
  ["Esc", "follow the play again"],
  ["p", "present: full screen, large; by a clicker's keys; Esc leaves"],
  ["?", "these keys"],
];
const PRESENT = "Present: full screen and large (p)";
const ICONS = {
  play: "M7 4v16l13-8z",
  pause: "M6 4h4v16H6zM14 4h4v16h-4z",
  first: "M5 5h2v14H5zM19 5v14L8 12z",
  last: "M17 5h2v14h-2zM5 5v14l11-7z",
  round_back: "M12 5v14L3 12zM21 5v14l-9-7z",
  round_on: "M12 5v14l9-7zM3 5v14l9-7z",
  back: "M16 5v14L6 12z",
  on: "M8 5v14l10-7z",
  present: "M3 4h18v12h-7.5l2.5 4h-2.4l-1.6-2.6L10.4 20H8l2.5-4H3zM5 6v8h14V6z",
};

/**
 * @typedef {keyof typeof ICONS} Icon
 * @typedef {Exclude<Icon, "pause">} Button
 * @typedef {Button | "help" | "follow"} Act
 */

/**
 * @param {number} steps
 * @param {object} actions
 * @param {(name: Act) => void} actions.act
 * @param {(step: number) => void} actions.scrub
 * @param {(speed: number) => void} actions.rate
 */
export function replayControls(steps, { act, scrub, rate }) {
  const button = (/** @type {Button} */ name, /** @type {string} */ title) => {
    const attributes = { type: "button", class: name, title, "aria-label": title };
    const element = make("button", attributes, icon(name));
    element.addEventListener("click", () => act(name));
    return element;
  };
  const start = button("play", "Play (space)");
  const slider = make("input", {
    type: "range",
    min: 0,
    max: steps,
    step: 1,
    value: 0,
    "aria-label": "Step",
  });
  const where = make("output", { class: "where quiet" });
  const speed = make(
    "select",
    {
      "aria-label": "Speed",
      title: "1×: slow motion, about five seconds a pass. The race runs by the recorded clock.",
    },
    ...SPEEDS.map((value) => make("option", { value }, `${value}×`)),
  );
  const keys = make(
    "details",
    { class: "keys" },
    make("summary", { "aria-label": "Keys", title: "Keys" }, "?"),
    make(
      "dl",
      {},
      ...PLAYER_KEYS.flatMap(([key, does]) => [make("dt", {}, key), make("dd", {}, does)]),
    ),
  );
  const presents = button("present", PRESENT);
  slider.addEventListener("input", () => scrub(Number(slider.value)));
  speed.addEventListener("change", () => rate(Number(speed.value)));
  const element = make(
    "div",
    { class: "controls", role: "group", "aria-label": "Player" },
    button("first", "To the beginning (Home)"),
    button("round_back", "A round back (Shift ←)"),
    button("back", "A step back (←)"),
    start,
    button("on", "A step on (→)"),
    button("round_on", "A round on (Shift →)"),
    button("last", "To the end (End)"),
    slider,
    where,
    make("label", { class: "speed" }, make("span", {}, "speed"), speed),
    keys,
    presents,
  );

  /**
   * @param {number} step
   * @param {string} words
   */
  function show(step, words) {
    slider.value = String(step);
    slider.setAttribute("aria-valuetext", words);
    where.textContent = words;
  }

  /** @param {boolean} on */
  function play(on) {
    const title = on ? "Pause (space)" : "Play (space)";
    start.title = title;
    start.setAttribute("aria-label", title);
    start.replaceChildren(icon(on ? "pause" : "play"), make("span", {}, on ? "Pause" : "Play"));
  }

  /** @param {boolean} on */
  function present(on) {
    const title = on ? "Leave the presentation (Esc)" : PRESENT;
    presents.title = title;
    presents.setAttribute("aria-label", title);
  }

  play(false);
  return { element, speed, show, play, present, help: () => (keys.open = !keys.open) };
}

/** @param {Icon} name */
export function icon(name) {
  return draw(
    "svg",
    { viewBox: "0 0 24 24", "aria-hidden": "true" },
    draw("path", { d: ICONS[name] }),
  );
}
