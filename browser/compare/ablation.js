/** Methods over seeds: their differences with budgets, and everything; figures stand before them. */

/** @import { AblationView, Chart, Interval, Method, MethodDifference, Mounted } from "../shared/types" */

import { component } from "../shared/component.js";
import { make } from "../shared/dom.js";
import { amount, fixed, flops, signed } from "../shared/numbers.js";
import { figures } from "./figures.js";
import { called, field } from "./look.js";
import { SIGNS_OF, adjustedSays, adjustedSpan, heading, tableOf } from "./tables.js";

/**
 * @typedef {object} Data
 * @property {AblationView} view
 * @property {Chart[]} [figures] of a report from disk, which has nothing around it
 */

const points = (/** @type {number} */ value) => signed(100 * value, 2);
const between = (/** @type {Interval} */ [low, high], digits = 4) =>
  `${fixed(low, digits)} – ${fixed(high, digits)}`;

/** @param {AblationView} view */
function methodsOf({ summary }) {
  return [...summary.methods].sort((a, b) => b.alpha.mean - a.alpha.mean);
}

/** @param {AblationView} view */
function overWhat({ summary }) {
  return summary.seeds.length > 1
    ? `seeds ${summary.seeds.join(", ")} and ${amount(summary.prompts)} prompts`
    : `${amount(summary.prompts)} prompts of one seed`;
}

/** All that is known of a method, for its title.
 *
 * @param {AblationView} view
 * @param {Method} method
 */
function summaryOf(view, method) {
  const { definitions, seeds } = view.summary;
  const { alpha, total, speedup } = method;
  const lines = [
    `${method.label}: ${method.made}`,
    `exact α ${fixed(alpha.mean, 4)}, 95 % interval ${between(alpha.ci)}. ${definitions.alpha}`,
    seeds.length > 1 &&
      `by seed: ${seeds.map((seed, at) => `${seed}: ${fixed(alpha.by_seed[at], 4)}`).join(", ")}`,
    `own training: ${amount(method.steps)} steps, ${amount(method.sequences)} sequences, ${amount(method.seconds)} s`,
    `in all: ${amount(total.steps)} steps, ${amount(total.sequences)} sequences, ${amount(total.seconds)} s. ${definitions.total}`,
    `speed-up ${fixed(speedup.median, 2)} ×. ${definitions.speedup}`,
  ];
  return lines.filter((line) => line).join("\n");
}

/** Method minus baseline, sorted.
 *
 * @param {AblationView} view
 */
function differenceRows(view) {
  const { baseline, summary } = view;
  const { definitions } = summary;
  const rows = summary.methods
    .filter((method) => method.difference[baseline])
    .sort((a, b) => b.difference[baseline].value - a.difference[baseline].value);
  const body = rows.map((method) => {
    const difference = method.difference[baseline];
    const { fair, says } = difference.budget;
    const word = `${SIGNS_OF[difference.verdict]} ${difference.verdict}`;
    return make(
      "tr",
      { "data-method": method.name },
      make(
        "th",
        { scope: "row", title: summaryOf(view, method) },
        called(view.looks[method.name]),
        make("span", { class: "range" }, method.made),
      ),
      make(
        "td",
        {
          "data-value": difference.value,
          "data-field": "difference",
          title: differenceSays(view, method, difference),
        },
        make("strong", {}, points(difference.value)),
        make("span", { class: "range" }, `${points(difference.low)} … ${points(difference.high)}`),
      ),
      make(
        "td",
        { class: `verdict ${difference.verdict.split(" ")[0]}`, title: definitions.verdict },
        word,
        adjustedSpan(difference.adjusted, difference.verdict),
      ),
      make(
        "td",
        { class: `budget ${fair ? "fair" : "unfair"}`, title: definitions.budget },
        `${fair ? "✓" : "✕"} ${says}`,
      ),
    );
  });
  const heads = [
    heading("points, 95 %", definitions.difference),
    heading("verdict", definitions.verdict),
    heading("budget", definitions.budget),
  ];
  return tableOf(`Differences: method − ${view.looks[baseline].label}`, heads, body, {
    class: "forest",
  });
}

/**
 * @param {AblationView} view
 * @param {Method} method
 * @param {MethodDifference} difference
 */
function differenceSays(view, method, difference) {
  const each = view.summary.seeds
    .map((seed, at) => `${seed}: ${points(difference.by_seed[at])}`)
    .join(", ");
  return (
    `${method.label} − ${view.looks[view.baseline].label}: ${points(difference.value)} points ` +
    `[${points(difference.low)}, ${points(difference.high)}], ${difference.verdict}.\nBy seed: ${each}.\n${adjustedSays(difference.adjusted, 100, 2)}\n${view.summary.definitions.difference}`
  );
}

/** Everything, the highest acceptance first.
 *
 * @param {AblationView} view
 */
function everything(view) {
  const { definitions, baselines, seeds } = view.summary;
  const several = seeds.length > 1;
  const heads = [
    heading("exact α, 95 %", `${definitions.alpha} ${definitions["alpha.ci"]}`),
    several
      ? heading("by seed", `${definitions["alpha.by_seed"]} Seeds: ${seeds.join(", ")}.`)
      : null,
    ...baselines.map((name) => heading(`− ${name}, points`, definitions.difference)),
    heading("KL, nats", definitions.kl),
    heading("top-1", definitions.top1),
    heading("tokens a pass", definitions.block_efficiency),
    heading("speed-up", definitions.speedup),
    heading("own steps", definitions.own),
    heading("own sequences", definitions.own),
    heading("own seconds", definitions.own),
    heading("steps in all", definitions.total),
    heading("sequences in all", definitions.total),
    heading("seconds in all", definitions.total),
    heading("compute in all", `${definitions.compute} ✓: ${definitions.frontier}`),
  ];
  const sorted = methodsOf(view);
  const rows = sorted.map((method, at) =>
    make(
      "tr",
      { "data-method": method.name, class: method.name === view.baseline && "baseline" },
      make(
        "th",
        { scope: "row", title: method.made },
        called(view.looks[method.name]),
        make("span", { class: "range" }, method.made),
      ),
      cell(method, "alpha.mean", 4, "", { range: between(method.alpha.ci), best: at === 0 }),
      several
        ? make(
            "td",
            {},
            ...method.alpha.by_seed.map((alpha) =>
              make("span", { class: "range" }, fixed(alpha, 4)),
            ),
          )
        : null,
      ...baselines.map((name) => tableDifference(method, name)),
      cell(method, "kl", 4),
      cell(method, "top1", 4),
      cell(method, "block_efficiency", 3),
      cell(method, "speedup.median", 2, " ×", {
        range: several && method.speedup.by_seed.map((speedup) => fixed(speedup, 2)).join(", "),
      }),
      ...["steps", "sequences", "seconds", "total.steps", "total.sequences", "total.seconds"].map(
        (name) =>
          make(
            "td",
            { "data-value": field(method, name), "data-field": name },
            amount(field(method, name)),
          ),
      ),
      make(
        "td",
        {},
        flops(method.compute?.flops) + (view.summary.frontier?.includes(method.name) ? " ✓" : ""),
      ),
    ),
  );
  return tableOf("Everything", heads, rows, { class: "everything" });
}

/**
 * @param {Method} method
 * @param {string} name
 * @param {number} digits
 * @param {string} [unit]
 * @param {{ range?: string | false, best?: boolean }} [more]
 */
function cell(method, name, digits, unit = "", { range, best } = {}) {
  const value = field(method, name);
  return make(
    "td",
    { "data-value": value, "data-field": name },
    make("span", { class: best && "best" }, fixed(value, digits) + unit),
    range ? make("span", { class: "range" }, range) : null,
  );
}

/**
 * @param {Method} method
 * @param {string} baseline
 */
function tableDifference(method, baseline) {
  const difference = method.difference[baseline];
  if (!difference) return make("td", {}, "–");
  return make(
    "td",
    {
      "data-value": difference.value,
      "data-field": `difference.${baseline}`,
      title: `Budget: ${difference.budget.says}.`,
    },
    make("span", {}, points(difference.value)),
    make("span", { class: "range" }, `${points(difference.low)} … ${points(difference.high)}`),
    make(
      "span",
      { class: `verdict ${difference.verdict.split(" ")[0]}` },
      `${SIGNS_OF[difference.verdict]} ${difference.verdict}`,
    ),
    adjustedSpan(difference.adjusted, difference.verdict),
  );
}

/**
 * @param {HTMLElement} parent
 * @returns {Mounted<Data>}
 */
function ablationBoard(parent) {
  const root = make("div", { class: "compare ablation" });
  parent.append(root);
  /** @type {string | null} the view's id */
  let shown = null;

  /** @param {Data} data */
  function show({ view, figures: charts }) {
    if (view.id === shown) return;
    shown = view.id;
    root.replaceChildren();
    if (charts)
      root.append(make("h1", {}, "Methods over seeds"), make("p", {}, view.intro), figures(charts));
    root.append(
      differenceRows(view),
      make(
        "p",
        { class: "quiet" },
        `Differences are made on the same prompts within each seed; intervals: 95 %, over ${overWhat(view)}, ` +
          "each of one comparison alone: one in twenty leaves out 0 by chance where nothing differs. " +
          "Holm p is adjusted for all comparisons here, and holds with few seeds too. " +
          [...view.summary.notes, ...(view.summary.power?.says ?? [])].join(" "),
      ),
      everything(view),
    );
  }

  return { show: (data) => show(data), leave: () => root.remove() };
}

export default component(ablationBoard);
