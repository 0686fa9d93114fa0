/** The legend: the colours' scale below the histogram of the whole corpus, with this text's tokens
 * as a line over it, and the two limits, which can be dragged and typed. */

/** @import { Histogram, Limits, Scale } from "../shared/types" */
/** @import { Model } from "./model" */

import { HIGH, WIDE, bars, chart, roots, steps } from "../shared/chart.js";
import { draw, make } from "../shared/dom.js";
import { written } from "../shared/numbers.js";
import { clamp, histogram, position, valid, valueAt } from "../shared/scale.js";

const FINE = 1000; // steps of a handle

/**
 * @param {object} actions
 * @param {(limits: Limits | null) => void} actions.onLimits null: the metric's own again
 * @param {(test: ((value: number) => boolean) | null) => void} actions.onPart what a part holds
 */
export function legend({ onLimits, onPart }) {
  const corpus = draw("path", { class: "corpus" });
  const here = draw("path", { class: "line" });
  const pointer = draw("path", { class: "pointer" });
  const plot = chart({ "aria-hidden": "true" }, corpus, here, pointer);
  const ramp = make("div", { class: "ramp" });
  const handles = ["low", "high"].map((end) =>
    make("input", {
      type: "range",
      min: 0,
      max: FINE,
      "aria-label": `${end} limit of the colours`,
    }),
  );
  const fields = ["low", "high"].map((end) =>
    make("input", { type: "number", step: "any", "aria-label": `${end} limit of the colours` }),
  );
  const reset = make("button", { type: "button" }, "reset");
  const hint = make("span", { class: "quiet" });
  const element = make(
    "div",
    { class: "legend", role: "group", "aria-label": "Colour scale" },
    make("div", { class: "plot" }, plot, ramp, ...handles),
    make("div", { class: "limits" }, fields[0], hint, reset, fields[1]),
  );
  /** @type {Model} */
  let model;
  /** @type {Scale} */
  let domain;
  /** @type {{ corpus: ArrayLike<number>, here: ArrayLike<number> }} */
  let counts;

  /** @param {Model} next */
  function show(next) {
    model = next;
    /** @type {Histogram | undefined} */
    const known = model.reading.corpus[model.metric.name];
    const { log, diverging } = model.scale;
    const { low, high } = known ?? model.metric;
    domain = { low, high, log, diverging };
    counts = {
      corpus: known?.counts ?? [],
      here: histogram(domain, model.values, known?.counts.length ?? 64),
    };
    corpus.setAttribute("d", bars(counts.corpus));
    here.setAttribute("d", steps(roots(counts.here)));
    element.title = beyond(known);
    limits();
    point(null);
  }

  const beyond = (/** @type {Histogram | undefined} */ known) =>
    "Bars: the whole corpus. Line: this text. Heights are square roots of shares." +
    (known?.below || known?.above
      ? ` Of the corpus, ${known.below} tokens lie below and ${known.above} above.`
      : "");

  function limits() {
    const { scale, metric } = model;
    const ends = [scale.low, scale.high];
    ends.forEach((value, end) => {
      const where = clamp(position(domain, value), 0, 1);
      handles[end].value = String(Math.round(where * FINE));
      handles[end].setAttribute("aria-valuetext", written(value));
      fields[end].value = String(Number(value.toPrecision(4)));
      ramp.style.setProperty(`--${end ? "high" : "low"}`, `${where * 100}%`);
    });
    ramp.style.setProperty("--zero", `${clamp(position(domain, 0), 0, 1) * 100}%`);
    ramp.classList.toggle("diverging", metric.diverging);
    reset.hidden = scale.low === metric.low && scale.high === metric.high;
    tell(null);
  }

  /** @param {string | null} text */
  function tell(text) {
    hint.textContent = text ?? [model.metric.label, model.metric.unit].filter(Boolean).join(", ");
  }

  /**
   * @param {number} low
   * @param {number} high
   */
  function ask(low, high) {
    const asked = { ...model.scale, low, high };
    if (valid(asked)) onLimits([low, high]);
    else limits();
  }

  /* A handle stands for its end of the scale, unless the other end lies beyond what is drawn. */
  handles.forEach((handle, end) =>
    handle.addEventListener("input", () => {
      const value = Number(valueAt(domain, Number(handle.value) / FINE).toPrecision(3));
      ask(end ? model.scale.low : value, end ? value : model.scale.high);
    }),
  );
  fields.forEach((field) =>
    field.addEventListener("change", () => ask(Number(fields[0].value), Number(fields[1].value))),
  );
  reset.addEventListener("click", () => onLimits(null));

  /** Where the value of a token lies.
   *
   * @param {number | null} value
   */
  function point(value) {
    const where = value === null ? NaN : position(domain, value);
    const x = (clamp(where, 0, 1) * WIDE).toFixed(1);
    pointer.setAttribute("d", Number.isNaN(where) ? "" : `M${x} 0V${HIGH}`);
  }

  plot.addEventListener("pointermove", (event) => {
    const box = plot.getBoundingClientRect();
    const size = counts.here.length;
    const part = clamp(Math.floor(((event.clientX - box.left) / box.width) * size), 0, size - 1);
    const [low, high] = [valueAt(domain, part / size), valueAt(domain, (part + 1) / size)];
    const all = counts.corpus.length ? `, ${counts.corpus[part]} in the corpus` : "";
    tell(`${written(low)} to ${written(high)}: ${counts.here[part]} here${all}`);
    onPart((value) => low <= value && (value < high || (part === size - 1 && value === high)));
  });
  plot.addEventListener("pointerleave", () => {
    tell(null);
    onPart(null);
  });

  return {
    element,
    show,
    limits: (/** @type {Model} */ next) => ((model = next), limits()),
    point,
  };
}
