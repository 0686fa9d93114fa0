/** Overlap against KL; a rectangle drawn on it, or typed, lists its tokens. */

/** @import { BoardTokens, BoardView, Interval } from "../shared/types" */

import { draw, fill, make } from "../shared/dom.js";
import { amount } from "../shared/numbers.js";
import { clamp } from "../shared/scale.js";
import { term } from "../shared/term.js";

const SIZE = { width: 640, height: 400, left: 52, right: 12, top: 12, bottom: 44 };
/** @type {Interval} */
const KL = [1e-4, 20]; // nats, drawn on a log scale; what lies beyond is drawn at the edge
/** @type {Rectangle} */
export const WHOLE = { kl: [0, KL[1]], beta: [0, 1] };

/** @typedef {{ kl: Interval, beta: Interval }} Rectangle */

/** The smallest overlap that a token with this KL can have.
 *
 * @param {number} kl
 */
export function floorOf(kl) {
  return 1 - Math.min(Math.sqrt(kl / 2), Math.sqrt(1 - Math.exp(-kl)));
}

const across = (/** @type {number} */ kl) => {
  const where = Math.log(clamp(kl, ...KL) / KL[0]) / Math.log(KL[1] / KL[0]);
  return SIZE.left + where * (SIZE.width - SIZE.left - SIZE.right);
};
const upward = (/** @type {number} */ beta) =>
  SIZE.top + (1 - clamp(beta, 0, 1)) * (SIZE.height - SIZE.top - SIZE.bottom);
const klAt = (/** @type {number} */ x) => {
  const where = clamp((x - SIZE.left) / (SIZE.width - SIZE.left - SIZE.right), 0, 1);
  return where === 0 ? 0 : KL[0] * (KL[1] / KL[0]) ** where;
};
const betaAt = (/** @type {number} */ y) =>
  clamp(1 - (y - SIZE.top) / (SIZE.height - SIZE.top - SIZE.bottom), 0, 1);

/** The rows of a draft in a rectangle of KL and overlap, both ends included.
 *
 * @param {{ kl: ArrayLike<number>, overlap: ArrayLike<number> }} draft
 * @param {Rectangle} rectangle
 */
export function inside(draft, { kl, beta }) {
  const rows = [];
  // What lies beyond the right end is drawn there, and belongs to a rectangle that reaches it.
  const end = kl[1] >= KL[1] ? Infinity : kl[1];
  for (let row = 0; row < draft.kl.length; row += 1) {
    const [x, y] = [draft.kl[row], draft.overlap[row]];
    if (x >= kl[0] && x <= end && y >= beta[0] && y <= beta[1]) rows.push(row);
  }
  return rows;
}

/**
 * @param {number} x
 * @param {number} y
 * @param {string} text
 * @param {"start" | "middle" | "end"} anchor
 * @param {string} [kind]
 */
function label(x, y, text, anchor, kind = "") {
  return draw("text", { x, y, "text-anchor": anchor, class: kind }, text);
}

/**
 * @param {BoardView} view
 * @param {BoardTokens} tokens
 * @param {string} key
 * @param {(rows: number[] | null, says: string, key: string) => void} onRows
 */
export function scatter(view, tokens, key, onRows) {
  const canvas = make("canvas", {
    width: 2 * SIZE.width,
    height: 2 * SIZE.height,
    "aria-hidden": "true",
  });
  const paper = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const box = draw("rect", { class: "box" });
  const ring = draw("circle", { class: "ring", r: 7 });
  const over = draw(
    "svg",
    { viewBox: `0 0 ${SIZE.width} ${SIZE.height}`, "aria-hidden": "true" },
    ...frame(),
    box,
    ring,
  );
  const plot = make("div", { class: "plot" }, canvas, over);
  const pick = make(
    "select",
    { "aria-label": "Draft of the scatter" },
    ...Object.keys(tokens.drafts).map((name) =>
      make("option", { value: name, selected: name === key }, view.looks[name].label),
    ),
  );
  /** @type {[text: string, name: string, value: number][]} */
  const limits = [
    ["KL from", "KL from", 0],
    ["to", "KL to", KL[1]],
    ["β from", "overlap from", 0],
    ["to", "overlap to", 1],
  ];
  const inputs = limits.map(([, name, value]) =>
    make("input", { type: "number", min: 0, step: "any", value, "aria-label": name }),
  );
  const fields = limits.map(([text], at) => make("label", {}, text, inputs[at]));
  const summary = make("p", { class: "quiet" });
  /** @type {Rectangle | null} */
  let rectangle = null;
  /** @type {Set<number>} rows */
  let chosen = new Set();
  /** @type {[x: number, y: number] | null} where it began to be drawn */
  let from = null;

  function frame() {
    const floor = Array.from({ length: 121 }, (_, at) => {
      const kl = KL[0] * (KL[1] / KL[0]) ** (at / 120);
      return `${across(kl).toFixed(1)} ${upward(floorOf(kl)).toFixed(1)}`;
    });
    const powers = [0.0001, 0.001, 0.01, 0.1, 1, 10];
    return [
      ...[0, 0.25, 0.5, 0.75, 1].flatMap((tick) => [
        draw("path", {
          class: "grid",
          d: `M${SIZE.left} ${upward(tick)}H${SIZE.width - SIZE.right}`,
        }),
        label(SIZE.left - 8, upward(tick) + 4, String(tick), "end"),
      ]),
      ...powers.map((tick) =>
        label(
          across(tick),
          SIZE.height - SIZE.bottom + 18,
          tick === KL[0] ? "≤ 0.0001" : String(tick),
          tick === KL[0] ? "start" : "middle",
        ),
      ),
      label(
        (SIZE.left + SIZE.width) / 2,
        SIZE.height - 6,
        "KL(p‖q) of the token, nats",
        "middle",
        "title",
      ),
      fill(label(0, 0, "overlap β", "middle", "title"), {
        transform: `translate(13 ${SIZE.height / 2 - 20}) rotate(-90)`,
      }),
      draw("path", { class: "floor", d: `M${floor.join("L")}` }),
      label(across(0.012), upward(0.62), "floor: no token can lie below", "middle", "floor-name"),
    ];
  }

  function paint() {
    const { kl, overlap } = tokens.drafts[key];
    const style = getComputedStyle(plot);
    paper.setTransform(2, 0, 0, 2, 0, 0);
    paper.clearRect(0, 0, SIZE.width, SIZE.height);
    const any = rectangle !== null;
    paper.fillStyle = view.looks[key].colour;
    paper.globalAlpha = any ? 0.18 : Math.max(0.25, Math.min(0.7, 1500 / tokens.rows));
    for (let row = 0; row < tokens.rows; row += 1) dot(kl[row], overlap[row], 1.8);
    paper.globalAlpha = 1;
    paper.fillStyle = style.color;
    for (const row of chosen) dot(kl[row], overlap[row], 2.2);
  }

  /**
   * @param {number} kl
   * @param {number} beta
   * @param {number} radius
   */
  function dot(kl, beta, radius) {
    const [x, y] = [across(kl), upward(beta)];
    paper.fillRect(x - radius, y - radius, 2 * radius, 2 * radius);
  }

  /** Choose what lies in the rectangle; null takes it away. Whoever types is not written over.
   *
   * @param {Rectangle | null} next
   * @param {{ tell?: boolean, typed?: boolean }} [how]
   */
  function choose(next, { tell = true, typed = false } = {}) {
    rectangle = next;
    const rows = next ? inside(tokens.drafts[key], next) : [];
    chosen = new Set(rows);
    if (next) {
      const [left, right] = next.kl.map(across);
      const [bottom, top] = next.beta.map(upward);
      fill(box, {
        x: left,
        y: top,
        width: Math.max(1, right - left),
        height: Math.max(1, bottom - top),
      });
    }
    const { kl, beta } = next ?? WHOLE;
    if (!typed) inputs.forEach((input, at) => (input.value = String([...kl, ...beta][at])));
    box.toggleAttribute("hidden", !next);
    ring.setAttribute("hidden", "");
    paint();
    say(rows.length);
    if (tell)
      onRows(
        next && rows,
        `${amount(rows.length)} tokens in the rectangle (${view.looks[key].label})`,
        key,
      );
  }

  /** @param {number} count */
  function say(count) {
    const below = view.comparison.floor[key];
    summary.textContent =
      (rectangle
        ? `${amount(count)} tokens in the rectangle. `
        : "Draw a rectangle, or type its limits, to list its tokens. ") +
      (below
        ? `${amount(below)} tokens lie below the floor: their measurement cannot be right.`
        : "No token lies below the floor.");
  }

  /**
   * @param {MouseEvent} event
   * @returns {[x: number, y: number]}
   */
  function pointOf(event) {
    const { left, top, width } = plot.getBoundingClientRect();
    const scale = SIZE.width / width;
    return [(event.clientX - left) * scale, (event.clientY - top) * scale];
  }

  /**
   * @param {[number, number]} from
   * @param {[number, number]} to
   * @returns {Rectangle}
   */
  function spanned([x0, y0], [x1, y1]) {
    const short = (/** @type {number} */ value) => Number(value.toPrecision(4)); // as it is written, here and in the address
    return {
      kl: [short(klAt(Math.min(x0, x1))), short(klAt(Math.max(x0, x1)))],
      beta: [short(betaAt(Math.max(y0, y1))), short(betaAt(Math.min(y0, y1)))],
    };
  }

  plot.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    plot.setPointerCapture(event.pointerId);
    from = pointOf(event);
  });
  plot.addEventListener("pointermove", (event) => {
    if (from) choose(spanned(from, pointOf(event)), { tell: false });
  });
  plot.addEventListener("pointerup", (event) => {
    if (!from) return;
    const to = pointOf(event);
    const clicked = Math.hypot(to[0] - from[0], to[1] - from[1]) < 3;
    const next = clicked ? null : spanned(from, to);
    from = null;
    choose(next);
  });
  plot.addEventListener("pointercancel", () => (from = null));
  for (const input of inputs) {
    input.addEventListener("input", () => {
      const [low, high, least, most] = inputs.map((field) => field.valueAsNumber);
      if (0 <= low && low <= high && 0 <= least && least <= most)
        choose({ kl: [low, high], beta: [least, most] }, { typed: true });
    });
  }
  pick.addEventListener("change", () => {
    key = pick.value;
    choose(rectangle);
  });

  const element = make(
    "figure",
    { class: "scatter" },
    make("figcaption", {}, term("Overlap β against KL", view.comparison.definitions.floor), pick),
    plot,
    make("div", { class: "limits" }, ...fields),
    summary,
  );
  const watch = new ResizeObserver(paint); // also the first time, once its colours are known
  watch.observe(plot);
  box.setAttribute("hidden", "");
  ring.setAttribute("hidden", "");
  say(0);
  return {
    element,
    choose,
    clear: () => {
      if (rectangle) choose(null, { tell: false });
    },
    lists: () => rectangle !== null,
    state: () => ({ key, rectangle }),
    /** @param {number | null} row */
    point(row) {
      ring.toggleAttribute("hidden", row === null);
      if (row === null) return;
      const { kl, overlap } = tokens.drafts[key];
      fill(ring, { cx: across(kl[row]), cy: upward(overlap[row]) });
    },
  };
}
