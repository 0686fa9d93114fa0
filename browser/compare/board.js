/* A comparison: budgets first, results, paired differences, figures, and the tokens behind them.

   `view` is what app/compare_view.py gives. Everything happens in the browser; the server hears of what
   a viewer has drawn and opened when it has rested. */

import { bars, steps } from "../shared/chart.js";
import { make, whenRested } from "../shared/dom.js";
import { forest, lengths, positions, speed } from "./figures.js";
import { budgetTable, differenceTable, reachedTable, sentences } from "./tables.js";
import { KL, tokenSection } from "./tokens.js";
import { amount } from "./words.js";

const boards = new WeakMap(); // parent element -> what is mounted there

function compareBoard(parent) {
  const root = make("div", { class: "compare" });
  parent.append(root);
  let shown = null;
  let tokens = null;
  let report = () => {};
  const telling = whenRested(() => report({ ...tokens.state(), of: shown }));

  function show(view, given, alone, reporter) {
    report = reporter;
    if (view.id === shown) return;
    shown = view.id;
    tokens = tokenSection(view, given, alone, telling.ask);
    const figures = [forest(view), speed(view), positions(view), lengths(view)];
    root.replaceChildren(
      ...(alone ? [front(view)] : []),
      budgetTable(view),
      ...notes(view),
      reachedTable(view),
      reachedNote(view),
      differenceTable(view),
      sentences(view),
      whose(view),
      make("div", { class: "figures" }, ...figures.filter((one) => one)),
      tokens.element,
      ...(alone ? [back(view)] : []),
    );
    tokens.open(given);
    telling.forget(); // the server knows what it gave
  }

  function leave() {
    telling.forget();
    root.remove();
  }

  return { show, leave, calls: 0 };
}

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

/* How the figures tell runs apart, where there are several. */
export function whose(view) {
  const names = [...new Set(Object.values(view.looks).map((look) => look.short))];
  const others = names.slice(1);
  const text = `Filled bars and solid lines: ${names[0]}. Outlined bars and other lines: ${others.join(", ")}.`;
  return make("p", { class: "quiet" }, others.length ? text : "");
}

export function notes(view) {
  return view.comparison.notes.map((note) => make("p", { class: "note" }, note));
}

/* What a report from disk says before the tables. */
function front(view) {
  const { runs, target, budgets, drafts, baseline } = view.comparison;
  const names = (keys) => keys.map((key) => view.looks[key]?.label ?? key).join(" and ");
  const fair = budgets.fair.map((group) => `Equal steps and sequences: ${names(group)}.`);
  const lacks = budgets.missing.map(({ of, name }) => `Nothing here is a fair comparison for ${names([of])}; ${name} would be.`);
  return make(
    "header",
    {},
    make("h1", {}, "Drafts compared"),
    make("p", {}, `${runs.map((run) => `${run.name} (run ${run.id})`).join(", ")} · target ${target} · ${drafts.length} drafts, baseline ${names([baseline])}`),
    budgets.warning ? make("p", { class: "warning" }, make("b", {}, budgets.warning), " ", [...fair, ...lacks].join(" ")) : null,
  );
}

/* And after them: what was compared, how to do it again, what the words mean. */
function back(view) {
  const { runs, command, definitions } = view.comparison;
  const hashes = runs.flatMap((run) =>
    Object.entries(run.hashes).map(([what, hash]) =>
      make("tr", {}, make("th", { scope: "row" }, run.id), make("td", {}, what), make("td", {}, make("code", {}, hash))),
    ),
  );
  const words = Object.entries(definitions).flatMap(([name, text]) => [make("dt", {}, name), make("dd", {}, text)]);
  return make(
    "footer",
    {},
    make("h2", {}, "What was compared"),
    make("table", {}, make("thead", {}, make("tr", {}, ...["run", "what", "hash"].map((one) => make("th", { scope: "col" }, one)))), make("tbody", {}, ...hashes)),
    make("p", {}, "The same numbers again: ", make("code", {}, command)),
    make("h2", {}, "Definitions"),
    make("dl", {}, ...words),
  );
}

export default function compare({ data, parentElement, setStateValue }) {
  if (!boards.has(parentElement)) boards.set(parentElement, compareBoard(parentElement));
  const board = boards.get(parentElement);
  board.show(data.view, data.state, data.alone, (state) => setStateValue("state", state));
  const call = (board.calls += 1);
  return () => {
    if (board.calls !== call) return; // called again since: Streamlit leaves what it has overtaken
    boards.delete(parentElement);
    board.leave();
  };
}
