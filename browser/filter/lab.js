/** The filter lab: a view (view.js) and one k, which a drag, a key or a number changes.
 *
 * Everything follows in the browser at once. The server hears of k when it has rested. */

/** @import { FilterReading, FilterView, Mounted } from "../shared/types" */

import { component } from "../shared/component.js";
import { make } from "../shared/dom.js";
import { whenRested } from "../shared/rest.js";
import { clamp } from "../shared/scale.js";
import { filterDials, filterNumbers } from "./headlines.js";
import { filterHistogram } from "./histogram.js";
import { filterSample } from "./sample.js";
import { groupTable, overlapTable } from "./shares.js";
import { ALL, readFilter } from "./view.js";

const REST = 300; // milliseconds
/** @type {Record<string, number>} thousandths of k */
const STEPS = {
  ArrowRight: 5,
  ArrowUp: 5,
  ArrowLeft: -5,
  ArrowDown: -5,
  PageUp: 50,
  PageDown: -50,
  Home: -ALL,
  End: ALL,
};

/**
 * @typedef {{ view: FilterView, state: { k: number } }} Data
 * @typedef {{ element: HTMLElement, show: (k: number) => void }} Part
 */

/**
 * @param {HTMLElement} parent
 * @param {Data} first
 * @returns {Mounted<Data>}
 */
function filterLab(parent, first) {
  const root = make("div", { class: "filter" });
  parent.append(root);
  let k = first.state.k;
  let sent = k;
  /** @type {(k: number) => void} */
  let send;
  /** @type {string | null} the view's id */
  let shown = null;
  /** @type {ReturnType<typeof filterHistogram>} */
  let histogram;
  /** @type {ReturnType<typeof filterDials>} */
  let dials;
  /** @type {Part[]} */
  let parts = [];
  /** @type {number | null} how far from the handle's line the pointer holds it, while it does */
  let grip = null;

  /**
   * @param {FilterView} view
   * @param {(k: number) => void} sender
   */
  function show(view, sender) {
    send = sender;
    if (view.id === shown) return;
    shown = view.id;
    root.classList.toggle("brief", Boolean(view.brief));
    if (grip !== null) drop();
    build(readFilter(view));
    turn(k);
  }

  /** @param {FilterReading} view */
  function build(view) {
    histogram = filterHistogram(view);
    dials = filterDials();
    const numbers = filterNumbers(view);
    const sample = filterSample(view);
    const groups = view.groups.map((group) => groupTable(view, group));
    const overlaps = view.overlaps.map((overlap) => overlapTable(view, overlap));
    parts = [numbers, histogram, dials, sample, ...groups, ...overlaps];
    root.replaceChildren(
      make("h2", {}, view.title),
      make(
        "div",
        { class: "top" },
        make("div", { class: "figures" }, numbers.element, histogram.element, dials.element),
        sample.element,
      ),
      tables(
        "What is kept, by class",
        "The bar is the share of a class that is kept, the tick that of all tokens.",
        groups,
      ),
      tables(
        "Who else would keep it",
        "The bar is the share of the tokens kept here that another selection keeps too, the tick " +
          "what two random ones have in common.",
        overlaps,
      ),
      make("div", { class: "quiet notes" }, ...view.notes.map((note) => make("p", {}, note))),
    );
  }

  /** @param {number} next */
  function turn(next) {
    k = clamp(next, 0, ALL);
    for (const part of parts) part.show(k);
  }

  const { ask: rest, forget } = whenRested(() => {
    if (k === sent) return;
    sent = k;
    send(k);
  }, REST);

  /* The pointer on the histogram. */

  /** @param {PointerEvent} event */
  function grab(event) {
    if (event.button !== 0 || !histogram.plot.contains(/** @type {Node} */ (event.target))) return;
    event.preventDefault(); // marks no text
    forget();
    histogram.handle.focus({ preventScroll: true });
    histogram.plot.setPointerCapture(event.pointerId);
    root.classList.add("dragged");
    const where = histogram.whereIs(event);
    grip = event.target === histogram.handle ? histogram.at(k) - where : 0;
    if (event.target !== histogram.handle) turn(histogram.ratio(where));
  }

  /** @param {PointerEvent} event */
  function drag(event) {
    if (grip !== null) turn(histogram.ratio(histogram.whereIs(event) + grip));
  }

  function drop() {
    if (grip === null) return;
    grip = null;
    root.classList.remove("dragged");
    rest();
  }

  /** Keys move the handle their own way: to the right fewer tokens are kept.
   *
   * @param {KeyboardEvent} event
   */
  function press(event) {
    event.stopPropagation(); // Streamlit has keys of its own
    const step = STEPS[event.key];
    const way = event.target === histogram.handle ? -1 : event.target === dials.slider ? 1 : 0;
    if (step === undefined || way === 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    turn(k + way * step);
    rest();
  }

  /** A slider that is held has not come to rest; a number is typed one digit after the other.
   *
   * @param {Event} event
   */
  function input({ target }) {
    const next = dials.read(target);
    if (next === null) return;
    forget();
    turn(next);
    if (target === dials.number) rest();
  }

  /** @param {Event} event */
  function change({ target }) {
    dials.write(k);
    if (target === dials.slider) rest();
  }

  root.addEventListener("pointerdown", grab);
  root.addEventListener("pointermove", drag);
  root.addEventListener("pointerup", drop);
  root.addEventListener("pointercancel", drop);
  root.addEventListener("keydown", press);
  root.addEventListener("input", input);
  root.addEventListener("change", change);

  function leave() {
    forget();
    root.remove();
  }

  return {
    show: ({ view }, setStateValue) => show(view, (chosen) => setStateValue("k", chosen)),
    leave,
  };
}

/**
 * @param {string} title
 * @param {string} legend
 * @param {Part[]} list
 */
function tables(title, legend, list) {
  return make(
    "section",
    {},
    make("h3", {}, title),
    make("p", { class: "quiet" }, legend),
    make("div", { class: "tables" }, ...list.map((table) => table.element)),
  );
}

export default component(filterLab);
