/** The metric by position: the whole text at a glance. Its height is the colours' scale. */

/** @import { Model } from "./model" */

import { HIGH, WIDE, chart, range, steps } from "../shared/chart.js";
import { draw, make } from "../shared/dom.js";
import { written } from "../shared/numbers.js";
import { clamp, position } from "../shared/scale.js";

/**
 * @param {object} actions
 * @param {(row: number | null, x: number) => void} actions.onHover null: no more
 * @param {(row: number) => void} actions.onGo
 */
export function positionLine({ onHover, onGo }) {
  const area = draw("path", { class: "area" });
  const path = draw("path", { class: "line" });
  const zero = draw("path", { class: "zero" });
  const lit = draw("path", { class: "lit" });
  const pointer = draw("path", { class: "pointer" });
  const plot = chart({ role: "img" }, area, zero, path, lit, pointer);
  const [high, low] = [make("span"), make("span")];
  const element = make(
    "div",
    { class: "position", title: "By position. A click goes to the token." },
    make("div", { class: "ends quiet" }, high, low),
    plot,
  );
  /** @type {Model} */
  let model;

  /** @param {Model} next */
  function show(next) {
    model = next;
    const { scale, values, metric } = model;
    const heights = values.map((value) => clamp(position(scale, value), 0, 1));
    const floor = scale.diverging ? position(scale, 0) : 0;
    const line = steps(heights);
    path.setAttribute("d", line);
    area.setAttribute("d", filled(heights, floor));
    zero.setAttribute("d", scale.diverging ? `M0 ${(1 - floor) * HIGH}H${WIDE}` : "");
    high.textContent = written(scale.high);
    low.textContent = written(scale.low);
    plot.setAttribute("aria-label", `${metric.label} by position`);
    point(null);
    light(null);
  }

  const middle = (/** @type {number} */ row) =>
    (((row + 0.5) * WIDE) / model.reading.rows).toFixed(2);

  /** @param {number | null} row */
  function point(row) {
    pointer.setAttribute("d", row === null ? "" : `M${middle(row)} 0V${HIGH}`);
  }

  /** @param {((value: number) => boolean) | null} test */
  function light(test) {
    const marks = new Set();
    if (test) model.values.forEach((value, row) => test(value) && marks.add(middle(row)));
    lit.setAttribute("d", Array.from(marks, (x) => `M${x} ${HIGH}v-18`).join(""));
  }

  const rowAt = (/** @type {MouseEvent} */ event) => {
    const box = plot.getBoundingClientRect();
    const { rows } = model.reading;
    return clamp(Math.floor(((event.clientX - box.left) / box.width) * rows), 0, rows - 1);
  };
  plot.addEventListener("pointermove", (event) => onHover(rowAt(event), event.clientX));
  plot.addEventListener("pointerleave", () => onHover(null, 0));
  plot.addEventListener("click", (event) => onGo(rowAt(event)));

  return { element, show, point, light, box: () => plot.getBoundingClientRect() };
}

/** The area between the steps and a floor, part by part.
 *
 * @param {ArrayLike<number>} heights
 * @param {number} floor
 */
export function filled(heights, floor) {
  const parts = Math.min(heights.length, WIDE);
  const y = (/** @type {number} */ height) => ((1 - height) * HIGH).toFixed(1);
  let path = "";
  for (let part = 0; part < parts; part += 1) {
    const from = Math.floor((part * heights.length) / parts);
    const [, most] = range(heights, from, Math.floor(((part + 1) * heights.length) / parts));
    if (most === -Infinity) continue;
    const x = ((part * WIDE) / parts).toFixed(2);
    path += `M${x} ${y(floor)}V${y(most)}H${(((part + 1) * WIDE) / parts).toFixed(2)}V${y(floor)}Z`;
  }
  return path;
}
