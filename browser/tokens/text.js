/** The text: tokens in blocks, which are built when they come into view or when there is time, and
 * dressed anew where they are seen when what they show has changed.
 *
 * It knows rows and elements, and nothing of controls. */

/** @import { Numbers } from "../shared/types" */
/** @import { Model } from "./model" */
/** @import { Block } from "./view" */

import { make } from "../shared/dom.js";
import { endsLine, spell } from "../shared/glyphs.js";
import { level } from "../shared/scale.js";
import { blocks } from "./view.js";

const BLOCK = 400; // tokens
const FIRST = 1200; // pixels of text that are built at once
const RUSH = { timeRemaining: () => 8 }; // where the browser does not say when it is idle
const idle =
  window.requestIdleCallback ??
  ((/** @type {(time: { timeRemaining: () => number }) => void} */ work) =>
    setTimeout(() => work(RUSH), 16));

/**
 * @typedef {HTMLSpanElement & { row: number }} Token
 * @typedef {HTMLDivElement & { holds: Part }} BlockElement
 * @typedef {object} Shown
 * @property {BlockElement} element
 * @property {number} height
 * @property {boolean} built
 * @property {boolean} near
 * @property {number} dress that it wears
 * @property {number} k that its outlines are of
 * @property {Numbers} [entries] that they were made from
 * @typedef {Block & Shown} Part
 */

/**
 * @param {object} actions
 * @param {(row: number | null) => void} actions.onHover null: no more
 * @param {(row: number) => void} actions.onPick
 */
export function tokenText({ onHover, onPick }) {
  const scroller = make("div", {
    class: "text",
    role: "listbox",
    tabindex: "0",
    "aria-label": "Tokens",
  });
  const mould = make("span", { class: "token", role: "option" });
  /** @type {Model} */
  let model;
  /** @type {Part[]} */
  let parts = [];
  /** @type {Token[]} */
  let tokens = [];
  /** @type {Set<number>} rows */
  let matches = new Set();
  /** @type {(row: number) => boolean} */
  let lit = () => false;
  /** @type {number | null} */
  let current = null;
  let dress = 0; // counts the changes of what tokens show
  let busy = false;

  const seen = new IntersectionObserver(
    (changes) => {
      for (const { target, isIntersecting } of changes) {
        const { holds } = /** @type {BlockElement} */ (target);
        holds.near = isIntersecting;
        if (isIntersecting) tend(holds);
      }
      whenIdle();
    },
    { root: scroller, rootMargin: "400px 0px" },
  );

  /** @param {Model} next */
  function show(next) {
    model = next;
    matches = new Set();
    lit = () => false;
    current = null;
    tokens = new Array(model.reading.rows);
    seen.disconnect();
    parts = blocks(model.reading, BLOCK).map(emptyPart);
    scroller.replaceChildren(...parts.map((part) => part.element));
    scroller.scrollTop = 0;
    look();
    let height = 0;
    for (const part of parts) {
      if (height > FIRST) break;
      tend(part);
      height += part.height;
    }
    parts.forEach((part) => seen.observe(part.element));
    whenIdle();
  }

  /** Until it is built, a block is as high as its text will be, more or less.
   *
   * @param {Block} block
   * @returns {Part}
   */
  function emptyPart({ from, to }) {
    let characters = 0;
    for (let row = from; row < to; row += 1) {
      const { text, bytes } = model.reading.piece(row);
      characters += (text ?? bytes ?? "").length;
    }
    const perLine = Math.max(20, (scroller.clientWidth || 1000) / 10);
    const height = Math.ceil(characters / perLine) * 34;
    const element = make("div", {
      class: "block",
      role: "presentation",
      style: `min-height:${height}px;contain-intrinsic-size:auto ${height}px`,
    });
    const { seq } = model.reading;
    if (from > 0 && seq[from] !== seq[from - 1]) element.classList.add("begins");
    /** @type {Shown} */
    const shown = {
      element: /** @type {BlockElement} */ (element),
      height,
      built: false,
      near: false,
      dress: -1,
      k: -1,
    };
    const part = { from, to, ...shown };
    part.element.holds = part;
    return part;
  }

  /** @param {Part} part */
  function build(part) {
    const nodes = [];
    for (let row = part.from; row < part.to; row += 1) {
      const token = /** @type {Token} */ (mould.cloneNode(false));
      const piece = model.reading.piece(row);
      spell(token, piece);
      token.row = row;
      if (!model.reading.response[row]) token.classList.add("prompt");
      if (piece.special) token.classList.add("special");
      if (matches.has(row)) token.classList.add("found");
      tokens[row] = token;
      nodes.push(token);
      if (endsLine(piece)) nodes.push(document.createElement("br"));
    }
    part.element.style.minHeight = "";
    part.element.append(...nodes);
    part.built = true;
  }

  /** Bring a block up to date.
   *
   * @param {Part} part
   */
  function tend(part) {
    if (!part.built) build(part);
    if (part.dress !== dress) {
      for (let row = part.from; row < part.to; row += 1) wear(tokens[row], row);
      part.dress = dress;
    }
    outline(part);
  }

  /**
   * @param {Token} token
   * @param {number} row
   */
  function wear(token, row) {
    const { scale, values, triple } = model;
    const height = level(scale, values[row]);
    let style = Number.isNaN(height) ? "" : `--v:${Math.abs(height).toFixed(3)}`;
    if (triple && model.reading.response[row]) {
      triple.columns.forEach((column, bar) => {
        if (column) style += `;--v${bar}:${level(triple.scale, column[row]).toFixed(3)}`;
      });
    }
    token.style.cssText = style;
    token.classList.toggle("scored", style !== "");
    token.classList.toggle("minus", height < 0);
    token.classList.toggle("lit", lit(row));
  }

  /** Tokens kept at k: only those change that enter or leave between the last k and this one.
   *
   * @param {Part} part
   */
  function outline(part) {
    const { entries } = model;
    const k = keptAt();
    if (outlined(part)) return;
    const [low, high] =
      part.entries === entries ? [Math.min(part.k, k), Math.max(part.k, k)] : [-1, 1000];
    for (let row = part.from; row < part.to; row += 1) {
      const entry = entries ? entries[row] : Infinity;
      if (low < entry && entry <= high) tokens[row].classList.toggle("kept", entry <= k);
      else if (part.entries !== entries) tokens[row].classList.remove("kept");
    }
    part.k = k;
    part.entries = entries;
  }

  function refresh() {
    for (const part of parts) if (part.near) tend(part);
    whenIdle();
  }

  function whenIdle() {
    if (busy) return;
    const stale = (/** @type {Part} */ part) =>
      !part.built || part.dress !== dress || !outlined(part);
    const work = (/** @type {{ timeRemaining: () => number }} */ time) => {
      busy = false;
      if (!scroller.isConnected) return;
      for (const part of parts.filter(stale)) {
        tend(part); // one at least, or a busy browser would never be done
        if (time.timeRemaining() < 3) break;
      }
      if (parts.some(stale)) whenIdle();
      else scroller.dataset.complete = String(parts.length);
    };
    if (!parts.some(stale)) return;
    delete scroller.dataset.complete;
    busy = true;
    idle(work, { timeout: 200 });
  }

  const keptAt = () => (model.entries ? model.state.k : -1);
  const outlined = (/** @type {Part} */ part) =>
    part.k === keptAt() && part.entries === model.entries;

  /* What is the same for all tokens is said once, at their root. */
  function look() {
    const { state, triple } = model;
    const list = scroller.classList;
    for (const choice of ["metric", "triple", "none"]) {
      list.toggle(`under-${choice}`, state.underline === choice);
    }
    list.toggle("compact", state.density === "compact");
    list.toggle("unwrapped", !state.wrap);
    list.toggle("promptless", !state.prompt);
    list.toggle("outlined", state.outline);
    triple?.colours.forEach((colour, bar) => scroller.style.setProperty(`--c${bar}`, colour));
  }

  /** Another metric, scale, checkpoint or underline.
   *
   * @param {Model} next
   */
  function redress(next) {
    model = next;
    dress += 1;
    look();
    refresh();
  }

  /** Another k or pool: nothing but outlines; or another toggle.
   *
   * @param {Model} next
   */
  function adjust(next) {
    model = next;
    look();
    refresh();
  }

  /** @param {(row: number) => boolean} test */
  function light(test) {
    lit = test;
    dress += 1;
    refresh();
  }

  /** @param {Iterable<number>} rows */
  function find(rows) {
    for (const row of matches) tokens[row]?.classList.remove("found");
    matches = new Set(rows);
    for (const row of matches) tokens[row]?.classList.add("found");
  }

  const partOf = (/** @type {number} */ row) =>
    /** @type {Part} */ (parts.find(({ from, to }) => from <= row && row < to));

  /**
   * @param {Token} token
   * @param {boolean} on
   */
  function mark(token, on) {
    token.classList.toggle("current", on);
    token.parentElement?.classList.toggle("open", on); // else its place would be an estimate
    if (on) token.id = "current-token";
    else token.removeAttribute("id");
    if (on) token.setAttribute("aria-selected", "true");
    else token.removeAttribute("aria-selected");
  }

  /**
   * @param {number | null} row
   * @param {"nearest" | "centre"} [where]
   */
  function choose(row, where = "nearest") {
    if (current !== null && tokens[current]) mark(tokens[current], false);
    current = row;
    if (row === null) {
      scroller.removeAttribute("aria-activedescendant");
      return;
    }
    const part = partOf(row);
    tend(part);
    mark(tokens[row], true);
    scroller.setAttribute("aria-activedescendant", "current-token");
    reveal(tokens[row], where);
  }

  /** Scrolls the text and never the page.
   *
   * @param {Token} token
   * @param {"nearest" | "centre"} where
   */
  function reveal(token, where) {
    const [box, view] = [token.getBoundingClientRect(), scroller.getBoundingClientRect()];
    const outside = box.top < view.top + 4 || box.bottom > view.bottom - 4;
    if (outside && where === "nearest") {
      const up = box.top < view.top + 4;
      scroller.scrollTop += up ? box.top - view.top - 24 : box.bottom - view.bottom + 24;
    } else if (outside) {
      scroller.scrollTop += box.top - view.top - view.height / 3;
    }
    const aside = box.left < view.left || box.right > view.right;
    if (aside) scroller.scrollLeft += box.left - view.left - view.width / 3;
  }

  const shown = (/** @type {number} */ row) =>
    model.state.prompt || model.reading.response[row] === 1;

  /** The next token that is shown, forward or backward.
   *
   * @param {number} row
   * @param {1 | -1} way
   */
  function beside(row, way) {
    for (let next = row + way; next >= 0 && next < model.reading.rows; next += way) {
      if (shown(next)) return next;
    }
    return null;
  }

  /** @param {number} row */
  function boxOf(row) {
    tend(partOf(row));
    return tokens[row].getClientRects()[0] ?? tokens[row].getBoundingClientRect();
  }

  /** The token above or below: of the nearest other line, the one whose middle is closest.
   *
   * @param {number} row
   * @param {1 | -1} way
   */
  function across(row, way) {
    const here = boxOf(row);
    const middle = here.left + here.width / 2;
    const far = (/** @type {DOMRect} */ rect) => Math.abs(rect.left + rect.width / 2 - middle);
    /** @type {number | null} */
    let best = null;
    /** @type {number | null} */
    let line = null;
    for (let next = beside(row, way); next !== null; next = beside(next, way)) {
      const rect = boxOf(next);
      if (Math.abs(rect.top - here.top) < here.height / 2) continue;
      line ??= rect.top;
      if (Math.abs(rect.top - line) > here.height / 2) break;
      if (best === null || far(rect) < far(boxOf(best))) best = next;
    }
    return best;
  }

  const rowUnder = (/** @type {Event} */ event) => {
    const token = /** @type {Element} */ (event.target).closest(".token");
    return token ? /** @type {Token} */ (token).row : null;
  };
  scroller.addEventListener("pointerover", (event) => onHover(rowUnder(event)));
  scroller.addEventListener("pointerleave", () => onHover(null));
  scroller.addEventListener("click", (event) => {
    const row = rowUnder(event);
    if (row !== null) onPick(row);
  });

  return {
    element: scroller,
    show,
    redress,
    adjust,
    light,
    find,
    choose,
    beside,
    across,
    box: boxOf,
    tend: () => parts.forEach(tend),
    /** @type {(row: number) => Token | undefined} */
    token: (row) => tokens[row],
    leave: () => seen.disconnect(),
  };
}
