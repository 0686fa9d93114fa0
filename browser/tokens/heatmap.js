/** The token heatmap: one state, the parts that show it, and the keys that change it.
 *
 * Called again with the view it shows already it changes nothing; with another view it keeps how the
 * user looks at tokens. What the user has changed is reported when it has rested for a moment, and
 * never while something is dragged. */

/** @import { Limits, Mounted, TokenState, TokenView } from "../shared/types" */
/** @import { Patch } from "./controls" */
/** @import { Model } from "./model" */
/** @import { Reading } from "./view" */

import { component } from "../shared/component.js";
import { make } from "../shared/dom.js";
import { glyphs } from "../shared/glyphs.js";
import { written } from "../shared/numbers.js";
import { whenRested } from "../shared/rest.js";
import { clamp } from "../shared/scale.js";
import { card, keptFrom } from "./card.js";
import { controls } from "./controls.js";
import { legend } from "./legend.js";
import { positionLine } from "./line.js";
import { modelOf } from "./model.js";
import { picture } from "./picture.js";
import { tokenText } from "./text.js";
import { occurrences, read } from "./view.js";

/**
 * @typedef {{ view: TokenView, state: TokenState }} Data
 * @typedef {Record<"left" | "right" | "top" | "bottom", number>} Edges
 */

// What changes nothing that a token shows but its outline.
const SAME_COLOURS = ["k", "pool", "by", "density", "wrap", "prompt", "outline", "token", "pins"];

/**
 * @param {HTMLElement} parent
 * @returns {Mounted<Data>}
 */
export function tokenHeatmap(parent) {
  /** @type {Reading} */
  let reading;
  /** @type {TokenState} */
  let state;
  /** @type {Model} */
  let model;
  /** @type {(state: TokenState & { of: string }) => void} */
  let report;
  let dragging = false;
  let changedWhileDragged = false;
  /** @type {number[][]} the rows of each */
  let matches = [];
  let match = -1;
  /** @type {Map<string, Limits>} metric -> limits that the user has moved */
  const limits = new Map();

  const panel = controls({
    change,
    onCheckpoint: checkpoint,
    onSearch: seek,
    onNext: nextMatch,
    onLeave: leaveSearch,
    onPicture: download,
  });
  const scale = legend({ onLimits: limit, onPart: light });
  const text = tokenText({ onHover: hover, onPick: pick });
  const line = positionLine({ onHover: hoverLine, onGo: go });
  const notes = make("p", { class: "quiet notes" });
  const float = make("div", { class: "float", hidden: "" });
  const pins = make("div", { class: "pins", role: "group", "aria-label": "Pinned tokens" });
  const status = make("div", { class: "told", role: "status", "aria-live": "polite" });
  const title = make("h2", { class: "view-title" });
  const root = make(
    "section",
    { class: "heatmap" },
    make("div", { class: "row top" }, make("div", {}, title, panel.choice, notes), scale.element),
    panel.selection,
    panel.training,
    panel.setting,
    text.element,
    line.element,
    pins,
    float,
    status,
  );
  parent.append(root);

  /**
   * @param {TokenView} view
   * @param {TokenState} given
   * @param {typeof report} reporter
   */
  function show(view, given, reporter) {
    report = reporter;
    if (reading?.id === view.id) return;
    const { token, pins: givenPins } = given;
    const known = state?.step && view.timeline.includes(state.step);
    state = { ...(state ?? given), token, pins: givenPins, step: known ? state.step : given.step };
    reading = read(view);
    remodel();
    root.classList.toggle("brief", view.brief);
    title.textContent = reading.title;
    text.element.setAttribute("aria-label", `Tokens of ${reading.title}`);
    notes.replaceChildren(...reading.notes.map((note) => make("span", {}, note)));
    text.show(model);
    drawMetric();
    drawPins();
    leaveSearch(false);
    hide();
    if (state.token !== null && state.token < reading.rows) text.choose(state.token, "centre");
  }

  function remodel() {
    model = modelOf(reading, state, limits);
  }

  function drawMetric() {
    panel.show(model);
    scale.show(model);
    line.show(model);
  }

  /** @param {Patch} patch */
  function change(patch) {
    state = { ...state, ...patch };
    const { step } = model.state;
    remodel();
    const names = Object.keys(patch);
    if (names.every((name) => name === "k")) panel.showK(model);
    else if (names.every((name) => SAME_COLOURS.includes(name))) panel.show(model);
    else drawMetric();
    if (names.every((name) => SAME_COLOURS.includes(name))) text.adjust(model);
    else text.redress(model);
    if (state.step !== step) drawPins();
    changed();
  }

  /** @param {Limits | null} pair */
  function limit(pair) {
    if (pair) limits.set(model.metric.name, pair);
    else limits.delete(model.metric.name);
    remodel();
    scale.limits(model);
    line.show(model);
    text.redress(model);
  }

  /* Reporting. */

  const { ask: changed, forget } = whenRested(() => {
    changedWhileDragged = dragging;
    if (!dragging) report({ ...state, of: reading.id }); // its token and pins are of this text
  });

  const grab = () => {
    dragging = true;
  };
  const release = () => {
    dragging = false;
    if (changedWhileDragged) changed();
  };
  root.addEventListener("pointerdown", grab);
  window.addEventListener("pointerup", release);
  window.addEventListener("pointercancel", release);

  /* Pointing at a token: in the text, in the line and in the histogram alike. */

  /**
   * @param {number | null} row
   * @param {Edges} [rect] where it is pointed at; by default at the token itself
   */
  function hover(row, rect) {
    text.element.querySelector(".hovered")?.classList.remove("hovered");
    line.point(row);
    if (row === null) {
      scale.point(null);
      float.hidden = true;
      return;
    }
    text.token(row)?.classList.add("hovered");
    scale.point(model.values[row]);
    float.replaceChildren(card(model, row));
    float.hidden = false;
    beCloseTo(rect ?? text.box(row), rect !== undefined);
  }

  const hide = () => hover(null);

  /**
   * @param {number | null} row
   * @param {number} x
   */
  function hoverLine(row, x) {
    if (row === null) {
      hide();
      return;
    }
    const { top, bottom } = line.box();
    hover(row, { left: x, right: x, top, bottom });
  }

  /** Below the token, or above it where there is no room, and never out of the window.
   *
   * @param {Edges} rect
   * @param {boolean} above
   */
  function beCloseTo(rect, above) {
    const [frame, size] = [root.getBoundingClientRect(), float.getBoundingClientRect()];
    const up = above || rect.bottom + size.height + 12 > window.innerHeight;
    const top = up && rect.top - size.height - 8 > 0 ? rect.top - size.height - 8 : rect.bottom + 8;
    const left = clamp(rect.left, frame.left, Math.max(frame.left, frame.right - size.width));
    float.style.translate = `${left - frame.left}px ${top - frame.top}px`;
  }

  /** @param {((value: number) => boolean) | null} test */
  function light(test) {
    text.light(test ? (row) => test(model.values[row]) : () => false);
    line.light(test);
  }

  /* The current token, and cards that stay. */

  /** @param {number} row */
  function go(row) {
    text.choose(row, "centre");
    change({ token: row });
    announce(row);
  }

  /** @param {number | null} row */
  function stepTo(row) {
    if (row === null) return;
    text.choose(row);
    change({ token: row });
    hover(row);
    announce(row);
  }

  /** @param {number} row */
  function pick(row) {
    text.choose(row);
    change({ token: row });
    togglePin(row);
  }

  /** @param {number} row */
  function togglePin(row) {
    const others = state.pins.filter((pin) => pin !== row);
    change({ pins: others.length < state.pins.length ? others : [...others, row] });
    drawPins();
    announce(row);
  }

  function drawPins() {
    pins.replaceChildren(
      ...state.pins.filter((row) => row < reading.rows).map((row) => pinned(row)),
    );
  }

  /** @param {number} row */
  function pinned(row) {
    const element = card(model, row);
    const find = make("button", { type: "button", title: "Show it in the text" }, "show");
    const close = make("button", { type: "button", "aria-label": "Remove the card" }, "×");
    find.addEventListener("click", () => go(row));
    close.addEventListener("click", () => togglePin(row));
    element.firstElementChild?.append(make("span", { class: "buttons" }, find, close));
    element.addEventListener("pointerenter", () => {
      line.point(row);
      scale.point(model.values[row]);
      text.token(row)?.classList.add("hovered");
    });
    element.addEventListener("pointerleave", hide);
    return element;
  }

  /** @param {number} row */
  function announce(row) {
    const { metric, values, entries } = model;
    const spoken = glyphs(reading.piece(row))
      .map((run) => run.text)
      .join("");
    const scored = reading.response[row]
      ? `${metric.label} ${written(values[row])} ${metric.unit}`
      : "prompt, not measured";
    const kept = entries && entries[row] <= 1000 ? `, kept ${keptFrom(entries[row])}` : "";
    const pinnedToo = state.pins.includes(row) ? ", pinned" : "";
    status.textContent = `${spoken}, token ${row + 1}: ${scored}${kept}${pinnedToo}`;
  }

  /* Search. */

  /** @param {string} sought */
  function seek(sought) {
    matches = occurrences(reading, sought);
    match = -1;
    text.find(matches.flat());
    panel.matched(sought ? `${matches.length} found` : "");
  }

  /** @param {1 | -1} way */
  function nextMatch(way) {
    if (!matches.length) return;
    match = (match + way + matches.length) % matches.length;
    panel.matched(`${match + 1} of ${matches.length}`);
    go(matches[match][0]);
  }

  /**
   */
  function leaveSearch(back = true) {
    panel.clear();
    seek("");
    if (back) text.element.focus({ preventScroll: true });
  }

  /* Keys. */

  const first = () => text.beside(-1, 1);
  const beside = (/** @type {1 | -1} */ way) =>
    stepTo(state.token === null ? first() : text.beside(state.token, way));
  const across = (/** @type {1 | -1} */ way) =>
    stepTo(state.token === null ? first() : text.across(state.token, way));
  /** @type {Record<string, () => void>} */
  const KEYS = {
    ArrowRight: () => beside(1),
    ArrowLeft: () => beside(-1),
    ArrowDown: () => across(1),
    ArrowUp: () => across(-1),
    Home: () => stepTo(first()),
    End: () => stepTo(text.beside(reading.rows, -1)),
    Escape: hide,
  };
  /** @type {Record<string, () => void>} */
  const ANYWHERE = {
    p: () => state.token !== null && togglePin(state.token),
    s: () => change({ outline: !state.outline }),
    "/": () => panel.seek(),
    "[": () => scrub(-1),
    "]": () => scrub(1),
    "?": () => panel.help(),
  };

  /** @param {number} at its number in the timeline */
  function checkpoint(at) {
    if (at >= 0 && at < reading.timeline.length) change({ step: reading.timeline[at] });
  }

  /** @param {1 | -1} way */
  function scrub(way) {
    checkpoint(reading.timeline.indexOf(model.roles.draft ?? "") + way);
  }

  /** @param {KeyboardEvent} event */
  function press(event) {
    event.stopPropagation(); // Streamlit has keys of its own
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { key } = event;
    const target = /** @type {Element} */ (event.target);
    if (target.matches("input[type=search], input[type=number]")) return;
    const numbered = /^[1-9]$/.test(key) ? model.metrics[Number(key) - 1] : undefined;
    const act =
      (target === text.element && KEYS[key]) ||
      ANYWHERE[key.toLowerCase()] ||
      (numbered && (() => change({ metric: numbered.name })));
    if (!act) return;
    event.preventDefault();
    act();
  }

  root.addEventListener("keydown", press);
  text.element.addEventListener("blur", hide);
  text.element.addEventListener("scroll", () => (float.hidden = true), { passive: true });

  async function download() {
    const image = await picture(text, model);
    if (!image) return;
    const url = URL.createObjectURL(image);
    make("a", {
      href: url,
      download: `${reading.title.replace(/[^\p{L}\p{N}]+/gu, "-")}.png`,
    }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }

  function leave() {
    forget();
    window.removeEventListener("pointerup", release);
    window.removeEventListener("pointercancel", release);
    text.leave();
    root.remove();
  }

  return {
    show: (data, setStateValue) =>
      show(data.view, data.state, (left) => setStateValue("state", left)),
    leave,
  };
}

export default component(tokenHeatmap);
