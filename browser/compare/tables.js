/** Tables of a comparison: budgets first, then what each draft reached, then the differences. */

/** @import { Attributes, Child } from "../shared/dom" */
/** @import { ComparedDraft, Difference, Interval, Look, Measure, NumbersView, Significance, Verdict } from "../shared/types" */

import { make } from "../shared/dom.js";
import { GLOSSARY } from "../shared/glossary.js";
import { amount, chance, fixed, flops, isNumber, signed } from "../shared/numbers.js";
import { term } from "../shared/term.js";
import { called, field } from "./look.js";

const BUDGET = /** @type {const} */ ([
  "steps",
  "sequences",
  "selected_tokens",
  "teacher_forwards",
  "seconds",
]);
/** @type {[name: keyof typeof GLOSSARY, digits: number, interval?: string][]} */
const REACHED = [
  ["alpha.generated", 4, "alpha.generated_ci"],
  ["alpha.dataset", 4],
  ["alpha.tested", 4, "alpha.tested_ci"],
  ["alpha.drafted", 4, "alpha.drafted_ci"],
  ["block_efficiency", 3, "block_efficiency_ci"],
  ["kl", 4],
  ["top1", 4],
  ["speedup.measured", 2, "speedup.measured_ci"],
  ["speedup.break_even_alpha", 3],
  ["speedup.best_gamma", 0],
];
/** @type {Record<Verdict, string>} */
export const SIGNS_OF = { ahead: "▲", behind: "▼", "not told apart": "≈" };

/**
 * @param {string} title
 * @param {string} help
 */
export function heading(title, help) {
  return make("th", { scope: "col" }, term(title, help));
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
    ...BUDGET.map((name) => heading(GLOSSARY[name].name, GLOSSARY[name].text)),
    heading("needs", definitions.needs),
  ];
  const rows = rowsOf(view, ({ budget, needs }) => [
    ...BUDGET.map((name) =>
      make("td", { "data-value": budget[name], "data-field": name }, amount(budget[name])),
    ),
    make("td", {}, needs.join(", ")),
  ]);
  return tableOf("Budgets: what each draft's own training cost", columns, rows);
}

/** Everything that each draft needed, in one currency, and who is on the frontier.
 *
 * @param {NumbersView} view
 */
export function computeTable(view) {
  const { definitions, frontier } = view.comparison;
  const { compute: flop, seconds_in_all: seconds } = GLOSSARY;
  const columns = [
    heading(flop.name, flop.text),
    heading(seconds.name, seconds.text),
    heading(GLOSSARY.frontier.name, definitions.frontier),
    heading("of which", "The work in the order of the run: operations, and seconds of their own."),
  ];
  const rows = rowsOf(view, ({ draft, compute }) => [
    make("td", { "data-value": compute?.flops, "data-field": "flops" }, flops(compute?.flops)),
    make(
      "td",
      { "data-value": compute?.seconds, "data-field": "seconds" },
      amount(compute?.seconds),
    ),
    make("td", {}, frontier?.includes(draft) ? "✓ on it" : ""),
    make(
      "td",
      { class: "outlays" },
      ...(compute?.outlays ?? []).map((outlay) =>
        make(
          "span",
          {
            class: "range",
            title: `${amount(outlay.tokens)} tokens through ${amount(outlay.parameters)} parameters, ${outlay.passes} passes, 2 operations each.`,
          },
          `${outlay.what}: ${flops(outlay.flops)}${outlay.seconds ? `, ${amount(outlay.seconds)} s` : ""}`,
        ),
      ),
    ),
  ]);
  return tableOf("In all: everything that each draft needed", columns, rows);
}

/** What of it was not recorded.
 *
 * @param {NumbersView} view
 */
export function assumed(view) {
  const said = view.comparison.drafts.flatMap(({ compute }) => compute?.assumed ?? []);
  const text = [...new Set(said)].map((sentence) => `Assumed: ${sentence}`).join(" ");
  return make("p", { class: "quiet" }, text);
}

/** @param {NumbersView} view */
export function reachedTable(view) {
  const { definitions, drafts } = view.comparison;
  const columns = REACHED.map(([name]) => heading(GLOSSARY[name].name, GLOSSARY[name].text));
  const most = Math.max(...drafts.map((draft) => draft.alpha.generated));
  const rows = rowsOf(view, (draft) =>
    REACHED.map(([name, digits, interval]) => {
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
        { scope: "col" },
        term(label, `${definitions.difference} ${definitions[name]}`),
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
      title: `${difference.says} ${difference.prompts} prompts. ${adjustedSays(difference.adjusted, factor, digits)}`,
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
    adjustedSpan(difference.adjusted, difference.verdict),
  );
}

/** A difference as one of several, under its verdict; where that is another, it says so.
 *
 * @param {Significance | null | undefined} adjusted
 * @param {Verdict} verdict of the difference alone
 */
export function adjustedSpan(adjusted, verdict) {
  if (!adjusted) return null;
  const other = adjusted.verdict === verdict ? "" : `, ${adjusted.verdict}`;
  return make("span", { class: "range" }, `Holm p ${chance(adjusted.holm)}${other}`);
}

/**
 * @param {Significance | null | undefined} adjusted
 * @param {number} factor
 * @param {number} digits
 */
export function adjustedSays(adjusted, factor, digits) {
  if (!adjusted) return "";
  const ends = adjusted.ci.map((end) => signed(end * factor, digits)).join(" … ");
  return (
    `p = ${chance(adjusted.p)}; as one of ${adjusted.comparisons} comparisons, by Holm: ` +
    `p = ${chance(adjusted.holm)}, ${ends}: ${adjusted.verdict}.`
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
      ? "The intervals are each of one comparison alone, and one in twenty leaves out 0 by chance " +
        "where nothing differs. Holm p is adjusted for all drafts that are compared by the same measure; " +
        "a cell's title has the interval adjusted likewise."
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
