/** A comparison: its tables, budgets first, and the tokens behind the numbers. A page shows the two
 * apart, with its figures between them; a report from disk has all in one.
 *
 * Everything happens in the browser; the server hears of what a viewer has drawn and opened when it
 * has rested. */

/** @import { AtlasView, BoardState, BoardView, Chart, Mounted, NumbersView } from "../shared/types" */

import { component } from "../shared/component.js";
import { make } from "../shared/dom.js";
import { amount } from "../shared/numbers.js";
import { whenRested } from "../shared/rest.js";
import { figures } from "./figures.js";
import {
  assumed,
  budgetTable,
  computeTable,
  differenceTable,
  reachedTable,
  sentences,
  speedSentences,
} from "./tables.js";
import { tokenSection } from "./tokens.js";

/**
 * @typedef {object} Data
 * @property {NumbersView | BoardView} view with tokens, or with tables alone
 * @property {BoardState} [state] of the tokens
 * @property {Chart[]} [figures] of a report from disk, which has nothing around it
 * @property {AtlasView | null} [atlas] of such a report
 */

/**
 * @param {HTMLElement} parent
 * @returns {Mounted<Data>}
 */
function compareBoard(parent) {
  const root = make("div", { class: "compare" });
  parent.append(root);
  /** @type {string | null} the view's id */
  let shown = null;
  /** @type {ReturnType<typeof tokenSection>} */
  let tokens;
  /** @type {(state: BoardState & { of: string | null }) => void} */
  let report;
  const { ask: changed, forget } = whenRested(() => report({ ...tokens.state(), of: shown }));

  /**
   * @param {Data} data
   * @param {typeof report} reporter
   */
  function show({ view, state, figures: charts, atlas }, reporter) {
    report = reporter;
    if (view.id === shown) return;
    shown = view.id;
    const alone = charts !== undefined;
    root.replaceChildren();
    if (alone) root.append(front(view));
    if (alone || !("tokens" in view)) root.append(...tables(view));
    if (alone) root.append(figures(charts));
    if ("tokens" in view && state) {
      tokens = tokenSection(view, state, alone, atlas ?? null, changed);
      root.append(tokens.element);
      tokens.open(state);
      forget(); // the server knows what it gave
    }
    if (alone) root.append(back(view));
  }

  function leave() {
    forget();
    root.remove();
  }

  return {
    show: (data, setStateValue) => show(data, (left) => setStateValue("state", left)),
    leave,
  };
}

/** @param {NumbersView} view */
function tables(view) {
  return [
    verdicts(view),
    budgetTable(view),
    computeTable(view),
    assumed(view),
    ...notes(view),
    reachedTable(view),
    reachedNote(view),
    speedSentences(view),
    differenceTable(view),
    sentences(view),
    whose(view),
  ];
}

/** @param {NumbersView} view */
function reachedNote(view) {
  const { tokens, prompts, speculation, bootstrap } = view.comparison;
  const { decoded } = view.comparison.drafts[0];
  const spoken =
    ` Tested and drafted α, tokens a pass: ${decoded.prompts} of those prompts decoded with ` +
    `γ = ${speculation.gamma}, temperature ${speculation.temperature}, the same uniforms for every draft. ` +
    `Speed-up: on ${Math.min(decoded.prompts, speculation.timed)} of them, batch 1.`;
  return make(
    "p",
    { class: "quiet" },
    `Exact α, KL and top-1: ${amount(tokens.generated)} tokens that the target generated from ` +
      `${amount(prompts)} held-out prompts; compare by exact α.${spoken} Intervals: 95 %, ` +
      `${amount(bootstrap.resamples)} resamples of the prompts.`,
  );
}

/** How the figures tell runs apart, where there are several.
 *
 * @param {NumbersView} view
 */
function whose(view) {
  const names = [...new Set(Object.values(view.looks).map((look) => look.short))];
  const others = names.slice(1);
  const text = `Filled bars and solid lines: ${names[0]}. Outlined bars and other lines: ${others.join(", ")}.`;
  return make("p", { class: "quiet" }, others.length ? text : "");
}

/** What the differences say, before any table.
 *
 * @param {NumbersView} view
 */
function verdicts(view) {
  const lines = view.comparison.verdicts.map((sentence) => make("li", {}, sentence));
  return make("ul", { class: "verdicts", "aria-label": "Verdict" }, ...lines);
}

/** @param {NumbersView} view */
function notes(view) {
  return view.comparison.notes.map((note) => make("p", { class: "note" }, note));
}

/** What a report from disk says before the tables.
 *
 * @param {NumbersView} view
 */
function front(view) {
  const { runs, target, budgets, drafts, baseline } = view.comparison;
  const names = (/** @type {string[]} */ keys) =>
    keys.map((key) => view.looks[key]?.label ?? key).join(" and ");
  const fair = budgets.fair.map((group) => `Equal steps and sequences: ${names(group)}.`);
  const lacks = budgets.missing.map(
    ({ of, name }) => `Nothing here is a fair comparison for ${names([of])}; ${name} would be.`,
  );
  return make(
    "header",
    {},
    make("h1", {}, "Drafts compared"),
    make(
      "p",
      {},
      `${runs.map((run) => `${run.name} (run ${run.id})`).join(", ")} · target ${target} · ${drafts.length} drafts, baseline ${names([baseline])}`,
    ),
    budgets.warning
      ? make(
          "p",
          { class: "warning" },
          make("b", {}, budgets.warning),
          " ",
          [...fair, ...lacks].join(" "),
        )
      : null,
  );
}

/** And after them: what was compared, how to do it again, what the words mean.
 *
 * @param {NumbersView} view
 */
function back(view) {
  const { runs, command, definitions } = view.comparison;
  const hashes = runs.flatMap((run) =>
    Object.entries(run.hashes).map(([what, hash]) =>
      make(
        "tr",
        {},
        make("th", { scope: "row" }, run.id),
        make("td", {}, what),
        make("td", {}, make("code", {}, hash)),
      ),
    ),
  );
  const terms = Object.entries(definitions).flatMap(([name, text]) => [
    make("dt", {}, name),
    make("dd", {}, text),
  ]);
  return make(
    "footer",
    {},
    make("h2", {}, "What was compared"),
    make(
      "table",
      {},
      make(
        "thead",
        {},
        make(
          "tr",
          {},
          ...["run", "what", "hash"].map((title) => make("th", { scope: "col" }, title)),
        ),
      ),
      make("tbody", {}, ...hashes),
    ),
    make("p", {}, "The same numbers again: ", make("code", {}, command)),
    make("h2", {}, "Definitions"),
    make("dl", {}, ...terms),
  );
}

export default component(compareBoard);
