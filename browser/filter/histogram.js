/** The histogram of ΔL and the handle on it. Bars are drawn once in grey and once in colour; a step
 * of the handle only moves the edge from which the coloured ones are seen.
 *
 * Beyond the limits of the histogram lies a zone on either side, from the limit to the last token.
 * A bar's area is its tokens there as well. */

/** @import { FilterReading } from "../shared/types" */

import { draw, make } from "../shared/dom.js";
import { amount, nats, thousandths, written } from "../shared/numbers.js";
import { clamp } from "../shared/scale.js";
import { ALL, ratioAt } from "./view.js";

const ZONE = 5; // bars wide
const GAP = 1;

/** @param {FilterReading} view */
export function filterHistogram(view) {
  const { low, high, counts, below, above } = view.histogram;
  const axis = deltaAxis(view);
  const handle = make("div", {
    class: "handle",
    role: "slider",
    tabindex: "0",
    "aria-label": "Smallest ΔL kept",
    "aria-orientation": "horizontal",
  });
  const flag = make("div", { class: "flag", "aria-hidden": "true" });
  const [plain, coloured] = [
    histogramBars(counts, below, above),
    histogramBars(counts, below, above),
  ];
  coloured.classList.add("coloured");
  const plot = make(
    "div",
    { class: "plot", title: "Drag the line, or click: everything from there on is kept." },
    make("div", { class: "lane" }, flag),
    make("div", { class: "bars" }, plain, coloured),
    handle,
  );
  const [out, kept] = [make("span"), make("span")];
  const width = (high - low) / counts.length;
  const element = make(
    "figure",
    { class: "histogram" },
    make("figcaption", {}, "How much better the reference does than the draft"),
    make(
      "div",
      { class: "sides" },
      make("span", {}, make("i", { class: "swatch" }), out),
      make("span", {}, make("i", { class: "swatch coloured" }), kept),
    ),
    plot,
    make("div", { class: "ticks" }, ...histogramTicks(view, axis)),
    make(
      "p",
      { class: "quiet" },
      `ΔL = KL(p‖q) − KL(p‖r) in nats, ${nats(width)} a bar. Right of 0 the reference is closer to `,
      "the target.",
    ),
  );

  /* Where the handle's line is, as a share of the width; where nothing is kept, at the right. */
  const at = (/** @type {number} */ k) =>
    Number.isNaN(view.threshold[k]) ? 1 : axis.position(view.threshold[k]);

  /** @param {number} k */
  function show(k) {
    const cut = view.threshold[k];
    const side = `${(at(k) * 100).toFixed(3)}%`;
    handle.style.left = flag.style.left = side;
    flag.style.transform = `translateX(-${side})`; // stays inside at both ends
    coloured.style.clipPath = `inset(0 0 0 ${side})`;
    flag.textContent = `ΔL ≥ ${nats(cut)}`;
    out.textContent = `left out ${amount(view.tokens - view.kept[k])}`;
    kept.textContent = `kept ${amount(view.kept[k])}`;
    handle.setAttribute("aria-valuemin", String(axis.least));
    handle.setAttribute("aria-valuemax", String(axis.most));
    handle.setAttribute("aria-valuenow", String(Number.isNaN(cut) ? axis.most : cut));
    handle.setAttribute(
      "aria-valuetext",
      `k = ${thousandths(k)}, keeps ${amount(view.kept[k])} of ${amount(view.tokens)} tokens, ` +
        `dL of at least ${nats(cut).replace("−", "-")} nats`,
    );
  }

  /* Where a pointer is, as a share of the width. */
  const whereIs = (/** @type {MouseEvent} */ event) => {
    const box = plot.getBoundingClientRect();
    return (event.clientX - box.left) / box.width;
  };
  const ratio = (/** @type {number} */ where) =>
    ratioAt(view.threshold, axis.value(clamp(where, 0, 1)));

  return { element, plot, handle, show, at, whereIs, ratio };
}

/** ΔL against the share of the width: straight between the limits, and in each zone.
 *
 * @param {Pick<FilterReading, "histogram" | "threshold">} view
 */
export function deltaAxis({ histogram, threshold }) {
  const { low, high, counts } = histogram;
  const edge = (ZONE + GAP) / (counts.length + 2 * (ZONE + GAP));
  const beyond = (ZONE * (high - low)) / counts.length;
  const [last, first] = [threshold[ALL], threshold[0]];
  const least = last < low ? last : low - beyond;
  const most = first > high ? first : high + beyond;
  const edges = [0, edge, 1 - edge, 1];
  const values = [least, low, high, most];
  return {
    least,
    most,
    position: (/** @type {number} */ value) => bend(values, edges, value),
    value: (/** @type {number} */ position) => bend(edges, values, position),
  };
}

/** The line through the points (from, to) at x; outside it goes on as at its ends.
 *
 * @param {number[]} from
 * @param {number[]} to
 * @param {number} x
 */
function bend(from, to, x) {
  let part = 1;
  while (part < from.length - 1 && x > from[part]) part += 1;
  const share = (x - from[part - 1]) / (from[part] - from[part - 1]);
  return to[part - 1] + share * (to[part] - to[part - 1]);
}

/**
 * @param {number[]} counts
 * @param {number} below
 * @param {number} above
 */
function histogramBars(counts, below, above) {
  const most = Math.max(...counts, 1);
  /**
   * @param {number} x
   * @param {number} width
   * @param {number} count
   */
  const bar = (x, width, count) => `M${x} ${most}V${most - count / width}h${width}V${most}Z`;
  const middle = counts.map((count, at) => bar(ZONE + GAP + at, 1, count));
  const right = ZONE + 2 * GAP + counts.length;
  const path = [bar(0, ZONE, below), ...middle, bar(right, ZONE, above)].join("");
  const size = `0 0 ${right + ZONE} ${most}`;
  return draw(
    "svg",
    { viewBox: size, preserveAspectRatio: "none", "aria-hidden": "true" },
    draw("path", { d: path }),
  );
}

/**
 * @param {FilterReading} view
 * @param {ReturnType<typeof deltaAxis>} axis
 */
function histogramTicks({ histogram }, axis) {
  const { low, high, below, above } = histogram;
  const step = tickStep(high - low);
  const inside = [];
  for (let at = Math.floor(low / step) + 1; at * step < high - step / 2; at += 1) {
    if (at * step > low + step / 2) inside.push(at * step);
  }
  const tick = (/** @type {number} */ value) =>
    make("span", { style: `left:${axis.position(value) * 100}%` }, written(value));
  return [
    make("span", { class: "first", title: `${amount(below)} tokens below` }, `< ${written(low)}`),
    ...inside.map(tick),
    make("span", { class: "last", title: `${amount(above)} tokens above` }, `> ${written(high)}`),
  ];
}

/** 1, 2 or 5 times a power of ten, at most six to the whole.
 *
 * @param {number} span
 */
export function tickStep(span) {
  const rough = span / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  return ([1, 2, 5].find((times) => times * power >= rough) ?? 10) * power;
}
