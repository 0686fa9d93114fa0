/** Tables of a comparison: budgets first, then what each draft reached, then the differences. */

/** @import { Attributes, Child } from "../shared/dom" */
/** @import { ComparedDraft, Difference, Interval, Look, Measure, NumbersView, Verdict } from "../shared/types" */

import { make } from "../shared/dom.js";
import { amount, fixed, isNumber, signed } from "../shared/numbers.js";
import { called, field } from "./look.js";

/** @type {[name: Exclude<keyof ComparedDraft["budget"], "kept">, title: string, help: string][]} */
const BUDGET = [
  ["steps", "steps", "Optimiser steps of this training."],
  ["sequences", "sequences", "Sequences that this training read."],
  ["selected_tokens", "tokens trained", "Response tokens that gave a gradient."],
  [
    "teacher_forwards",
    "teacher forwards",
    "Sequences through a frozen model: target or reference.",
  ],
  ["seconds", "seconds", "Wall-clock seconds of this training, on the machine that ran it."],
];
/** @type {[name: string, title: string, digits: number, interval?: string][]} */
const REACHED = [
  ["alpha.generated", "exact α", 4, "alpha.generated_ci"],
  ["alpha.dataset", "α data set", 4],
  ["alpha.tested", "tested α", 4, "alpha.tested_ci"],
  ["alpha.drafted", "drafted α", 4, "alpha.drafted_ci"],
  ["block_efficiency", "tokens a pass", 3, "block_efficiency_ci"],
  ["kl", "KL", 4],
  ["top1", "top-1", 4],
  ["speedup.measured", "speed-up", 2, "speedup.measured_ci"],
  ["speedup.break_even_alpha", "break-even α", 3],
  ["speedup.best_gamma", "best γ", 0],
];
/** @type {Record<Verdict, string>} */
export const SIGNS_OF = { ahead: "▲", behind: "▼", "not told apart": "≈" };

/**
 * @param {string} title
 * @param {string} [help]
 */
export function heading(title, help) {
  return make("th", { scope: "col", title: help }, make("abbr", {}, title));
}

/**
 * @param {NumbersView} view
 * @param {(draft: ComparedDraft) => Child[]} cells
 */
export function rowsOf(view, cells) {
  const { drafts, baseline } = view.comparison;
  return drafts.map((row) =>
    make(
      "tr",
      { "data-draft": row.draft, class: row.draft === baseline && "baseline" },
      make("th", { scope: "row" }, called(view.looks[row.draft])),
      ...cells(row),
    ),
  );
}

/**
 * @param {string} caption
 * @param {Child[]} columns
 * @param {Child[]} rows
 * @param {Attributes} [more]
 */
export function tableOf(caption, columns, rows, more = {}) {
  return make(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    make(
      "table",
      more,
      make("caption", {}, caption),
      make("thead", {}, make("tr", {}, make("td"), ...columns)),
      make("tbody", {}, ...rows),
    ),
  );
}

/** @param {NumbersView} view */
export function budgetTable(view) {
  const { definitions } = view.comparison;
  const columns = [
    ...BUDGET.map(([, title, help]) => heading(title, help)),
    heading("needs", definitions.needs),
  ];
  const rows = rowsOf(view, ({ budget, needs }) => [
    ...BUDGET.map(([name]) =>
      make("td", { "data-value": budget[name], "data-field": name }, amount(budget[name])),
    ),
    make("td", {}, needs.join(", ")),
  ]);
  return tableOf("Budgets: what each draft's own training cost", columns, rows);
}

/** @param {NumbersView} view */
export function reachedTable(view) {
  const { definitions, drafts } = view.comparison;
  const columns = REACHED.map(([name, title]) => heading(title, definitions[name]));
  const most = Math.max(...drafts.map((draft) => draft.alpha.generated));
  const rows = rowsOf(view, (draft) =>
    REACHED.map(([name, , digits, interval]) => {
      const value = field(draft, name);
      /** @type {Interval | null} */
      const ends = (interval && field(draft, interval)) || null;
      const unit = name === "speedup.measured" && isNumber(value) ? " ×" : "";
      return make(
        "td",
        {
          "data-value": value,
          "data-field": name,
          title: ends ? intervalSays(ends, digits) : definitions[name],
        },
        make(
          "span",
          { class: name === "alpha.generated" && value === most && "best" },
          fixed(value, digits) + unit,
        ),
        ends && make("span", { class: "range" }, ends.map((end) => fixed(end, digits)).join(" – ")),
      );
    }),
  );
  return tableOf("What each draft reached", columns, rows);
}

/**
 * @param {Interval} ends
 * @param {number} digits
 */
const intervalSays = (ends, digits) =>
  `95 % interval ${ends.map((end) => fixed(end, digits)).join(" – ")}, prompts resampled`;

/** Draft minus baseline, a column a measure; every cell says value, interval, sign and word.
 *
 * @param {NumbersView} view
 */
export function differenceTable(view) {
  const { differences, baseline, definitions } = view.comparison;
  const measures = view.measures.filter(({ name }) =>
    differences.some(({ measure }) => measure === name),
  );
  const columns = [
    heading(
      "budget against the baseline's",
      "Steps and sequences of this draft, over the baseline's.",
    ),
    ...measures.map(({ name, label, unit }) =>
      make(
        "th",
        { scope: "col", title: `${definitions.difference}. ${definitions[name]}` },
        make("abbr", {}, label),
        make("span", { class: "range" }, unit),
      ),
    ),
  ];
  const rows = rowsOf(view, ({ draft }) => {
    const mine = differences.filter((difference) => difference.draft === draft);
    if (draft === baseline) return [make("td", { colspan: measures.length + 1 }, "the baseline")];
    const { fair, says } = mine[0].budget;
    return [
      make("td", { class: `budget ${fair ? "fair" : "unfair"}` }, `${fair ? "✓" : "✕"} ${says}`),
      ...measures.map((measure) =>
        differenceCell(
          measure,
          mine.find((difference) => difference.measure === measure.name),
        ),
      ),
    ];
  });
  return tableOf(`Paired differences: draft − ${view.looks[baseline].label}`, columns, rows, {
    class: "differences",
  });
}

/**
 * @param {Measure} measure
 * @param {Difference} [difference]
 */
function differenceCell({ factor, digits }, difference) {
  if (!difference)
    return make("td", { title: "Not decoded on the same prompts and uniforms." }, "–");
  const [low, high] = difference.ci;
  return make(
    "td",
    {
      "data-value": difference.value,
      "data-field": difference.measure,
      title: `${difference.says} ${difference.prompts} prompts.`,
    },
    make("strong", {}, signed(difference.value * factor, digits)),
    make(
      "span",
      { class: "range" },
      `${signed(low * factor, digits)} … ${signed(high * factor, digits)}`,
    ),
    make(
      "span",
      { class: `verdict ${difference.verdict.split(" ")[0]}` },
      `${SIGNS_OF[difference.verdict]} ${difference.verdict}`,
    ),
  );
}

/** The comparison in words: exact acceptance of every draft against the baseline.
 *
 * @param {NumbersView} view
 */
export function sentences(view) {
  const { differences } = view.comparison;
  const main = differences.filter(({ measure }) => measure === "alpha.generated");
  const list = main.map(({ verdict, says, budget }) =>
    make(
      "li",
      { class: verdict.split(" ")[0] },
      make("b", { "aria-hidden": "true" }, SIGNS_OF[verdict]),
      `${says} Budget: ${budget.says}.`,
    ),
  );
  const several =
    differences.length > 1
      ? "Several differences are shown: the intervals are not adjusted for that, and one in twenty " +
        "leaves out 0 by chance where nothing differs."
      : "";
  return make(
    "div",
    { class: "said" },
    make("ul", {}, ...list),
    make("p", { class: "quiet" }, several),
  );
}

/** From which acceptance on each draft pays, by its measured costs.
 *
 * @param {NumbersView} view
 */
export function speedSentences(view) {
  const items = view.comparison.drafts.map((draft) =>
    make("li", {}, speedSays(draft, view.looks[draft.draft])),
  );
  return make("ul", { class: "quiet" }, ...items);
}

/**
 * @param {ComparedDraft} draft
 * @param {Look} look
 */
function speedSays({ alpha, speedup }, { label: name }) {
  const { c, v, gamma, break_even_alpha: even, best_gamma: best } = speedup;
  const pays = isNumber(even)
    ? `pays at γ = ${gamma} from α = ${fixed(even, 3)} on (tested: ${fixed(alpha.tested, 3)})`
    : `cannot pay at γ = ${gamma}`;
  return `${name}: c = ${fixed(c, 3)}, v = ${fixed(v, 2)}; ${pays}; best γ ${best ?? "–"}`;
}
