/** The losslessness lab: two distributions that can be dragged, a rule that can be broken, 10,000
 * draws, and the test that notices. */

/** @import { Pair } from "../shared/types" */

import { uniforms } from "../engine/uniforms.js";
import { button, draw, make } from "../shared/dom.js";
import { whenRested } from "../shared/rest.js";
import { percent } from "./blocks.js";
import {
  ERROR_RATE,
  RULES,
  UNIFORMS,
  addDraws,
  chiSquare,
  grouped,
  limit,
  overlap,
} from "./rules.js";

export const DRAWS = 10_000;
const FRAMES = 100; // in which they are drawn
const [WIDTH, HEIGHT] = [600, 150];

/** @typedef {"p" | "q"} Model */

/** Change one probability; the others keep their proportions, and all still make 1.
 *
 * @param {number[]} values
 * @param {number} at
 * @param {number} to from 0 to 1
 */
export function withOne(values, at, to) {
  const others = values.reduce((sum, value, other) => (other === at ? sum : sum + value), 0);
  return values.map((value, other) => {
    if (other === at) return to;
    return others > 0 ? (value / others) * (1 - to) : (1 - to) / (values.length - 1);
  });
}

/**
 * @param {Pair[]} rows
 * @param {(now: { p: number[], q: number[], rule: string }) => void} [changed] whenever it draws anew
 */
export function lab(rows, changed = () => {}) {
  const first = { p: rows.map(({ p }) => p), q: rows.map(({ q }) => q) };
  /** @type {Record<Model, number[]>} */
  let values = { ...first };
  let rule = "right";
  let seed = 0;
  let frame = 0;
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;

  const sliders = {
    p: rows.map((_, at) => slider("p", at)),
    q: rows.map((_, at) => slider("q", at)),
  };
  const came = rows.map(() => ({ bar: make("i", { class: "came" }), mark: make("s", {}) }));
  const numbers = rows.map(() => make("span", { class: "figure" }));
  const summary = make("p", { class: "summary" });
  const verdict = make("p", { class: "verdict", role: "status", "aria-live": "polite" });
  const chart = draw("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    preserveAspectRatio: "none",
    role: "img",
    "aria-label": "Chi-square as the draws go on",
  });
  const choices = Object.entries(RULES).map(([name, { label, does }]) => {
    const input = make("input", { type: "radio", name: "rule", value: name });
    input.checked = name === rule;
    input.addEventListener("change", () => {
      rule = name;
      begin();
    });
    return { input, element: make("label", { title: does }, input, ` ${label}`) };
  });

  const again = button("Draw again", () => {
    seed += 1;
    begin();
  });
  const reset = button("As at first", () => {
    values = { ...first };
    place();
    begin();
  });

  const element = make(
    "section",
    { class: "lab", "aria-label": "Losslessness lab" },
    make(
      "fieldset",
      {},
      make("legend", {}, "Which rule?"),
      ...choices.map((choice) => choice.element),
    ),
    make(
      "div",
      { class: "grid" },
      make(
        "div",
        { class: "heads" },
        make("span", {}, "token"),
        make("span", { class: "of-p" }, "target p"),
        make("span", { class: "of-q" }, "draft q"),
        make("span", {}, "came, against p ", make("s", {})),
        make("span", {}),
      ),
      ...rows.map(({ label }, at) =>
        make(
          "div",
          { class: "row" },
          make("span", { class: "label" }, label),
          sliders.p[at],
          sliders.q[at],
          make("span", { class: "lanes" }, came[at].bar, came[at].mark),
          numbers[at],
        ),
      ),
    ),
    summary,
    make(
      "figure",
      {},
      make("figcaption", {}, "Does a test notice? Chi-square, from the first draw to the last:"),
      chart,
      verdict,
    ),
    make("p", { class: "actions" }, again, reset),
  );

  /**
   * @param {Model} model
   * @param {number} at
   */
  function slider(model, at) {
    const input = make("input", {
      type: "range",
      min: 0,
      max: 1,
      step: 0.01,
      class: model,
      "aria-label": `${model === "p" ? "target" : "draft"}, ${rows[at].label}`,
    });
    input.addEventListener("input", () => {
      values = { ...values, [model]: withOne(values[model], at, Number(input.value)) };
      place();
      rested();
    });
    return input;
  }

  function place() {
    cancelAnimationFrame(frame);
    summary.replaceChildren(
      "What both have in common, Σ min(p, q), is what can be kept: ",
      make("strong", {}, percent(overlap(values.p, values.q))),
      make("span", { class: "so-far" }),
    );
    for (const model of /** @type {const} */ (["p", "q"])) {
      sliders[model].forEach((input, at) => {
        input.value = String(values[model][at]);
        input.title = percent(values[model][at]);
        input.style.setProperty("--value", `${100 * values[model][at]}%`);
        input.style.setProperty("--both", `${100 * Math.min(values.p[at], values.q[at])}%`);
      });
    }
  }

  const { ask: rested, forget } = whenRested(begin, 150);

  function begin() {
    cancelAnimationFrame(frame);
    changed({ ...values, rule });
    const p = Float32Array.from(values.p);
    const q = Float32Array.from(values.q);
    const u = uniforms(seed, (DRAWS * UNIFORMS) / 3);
    const groups = grouped(p, DRAWS);
    const most = groups.length > 1 ? limit(groups.length - 1, ERROR_RATE) : Infinity;
    const so = { counts: rows.map(() => 0), kept: 0 };
    /** @type {number[]} */
    const line = [0];
    const each = DRAWS / FRAMES;
    const go = () => {
      const drawn = (line.length - 1) * each;
      addDraws(RULES[rule].rule, p, q, u, so, drawn, drawn + each);
      line.push(chiSquare(so.counts, p, groups));
      if (still && line.length <= FRAMES) return go();
      show(so, drawn + each, line, most);
      if (line.length <= FRAMES) frame = requestAnimationFrame(go);
    };
    frame = requestAnimationFrame(go);
  }

  /**
   * @param {{ counts: number[], kept: number }} so
   * @param {number} drawn
   * @param {number[]} line chi-square after every frame
   * @param {number} most
   */
  function show({ counts, kept }, drawn, line, most) {
    const widest = Math.max(...values.p, ...counts.map((count) => count / drawn));
    counts.forEach((count, at) => {
      came[at].bar.style.width = `${(100 * count) / drawn / widest}%`;
      came[at].mark.style.left = `${(100 * values.p[at]) / widest}%`;
      numbers[at].textContent = percent(count / drawn);
    });
    const soFar = /** @type {HTMLElement} */ (summary.querySelector(".so-far"));
    soFar.textContent = `; kept in ${drawn.toLocaleString("en-US")} draws: ${percent(kept / drawn)}.`;
    plot(line, most);
    verdict.classList.toggle("noticed", drawn === DRAWS && line[FRAMES] > most);
    verdict.textContent = drawn < DRAWS ? "Drawing …" : sentence(line[FRAMES], most);
  }

  /**
   * @param {number} value
   * @param {number} most
   */
  function sentence(value, most) {
    if (most === Infinity) return "One token has it all: there is nothing to test.";
    const [sign, word, side] =
      value > most ? ["✗", "Noticed", "above"] : ["✓", "Not noticed", "below"];
    return (
      `${sign} ${word}: chi-square is ${value.toFixed(1)}, ${side} the line at ${most.toFixed(1)}. ` +
      `Right draws end above it once in ${(1 / ERROR_RATE).toLocaleString("en-US")} times.`
    );
  }

  /**
   * @param {number[]} line
   * @param {number} most
   */
  function plot(line, most) {
    const top = Math.max(...line, Number.isFinite(most) ? 1.5 * most : 1);
    const x = (/** @type {number} */ at) => ((at * WIDTH) / FRAMES).toFixed(1);
    const y = (/** @type {number} */ value) => (HEIGHT - (value * HEIGHT) / top).toFixed(1);
    const points = line.map((value, at) => `${x(at)},${y(value)}`).join(" ");
    chart.replaceChildren(
      draw("path", { class: "axis", d: `M0 ${HEIGHT}H${WIDTH}` }),
      Number.isFinite(most) ? draw("path", { class: "limit", d: `M0 ${y(most)}H${WIDTH}` }) : "",
      draw("polyline", { class: "curve", points }),
    );
  }

  /** The rule after the one that is tried; null after the last. */
  const after = () => {
    const names = Object.keys(RULES);
    return names[names.indexOf(rule) + 1] ?? null;
  };

  place();
  begin();
  return {
    element,
    /** What `goOn` would break, in words; null once every rule was tried. */
    next: () => after() && `Break the rule: ${RULES[after() ?? ""].label}`,
    goOn() {
      rule = after() ?? rule;
      for (const { input } of choices) input.checked = input.value === rule;
      begin();
    },
    leave() {
      forget();
      cancelAnimationFrame(frame);
    },
  };
}
