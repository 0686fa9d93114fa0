/** Whose likeliest token is the target's: both drafts', one's alone, or neither's. */

/** @import { Agreement, BoardTokens, BoardView } from "../shared/types" */

import { make } from "../shared/dom.js";
import { amount, percent } from "../shared/numbers.js";
import { term } from "../shared/term.js";
import { called } from "./look.js";

/**
 * @typedef {"both" | "first" | "second" | "none"} Cell
 * @typedef {[first: string, second: string]} Pair
 */

/** @type {Record<Cell, (first: number, second: number) => boolean>} */
const CELLS = {
  both: (first, second) => Boolean(first && second),
  first: (first, second) => Boolean(first && !second),
  second: (first, second) => Boolean(!first && second),
  none: (first, second) => !first && !second,
};

/**
 * @param {BoardView} view
 * @param {BoardTokens} tokens
 * @param {Pair} pair
 * @param {(rows: number[] | null, says: string, pair: Pair) => void} onRows
 */
export function agreement(view, tokens, pair, onRows) {
  const keys = Object.keys(tokens.drafts);
  const chooser = (/** @type {string} */ name, /** @type {string} */ chosen) =>
    make(
      "select",
      { "aria-label": `${name} draft of the agreement` },
      ...keys.map((key) =>
        make("option", { value: key, selected: key === chosen }, view.looks[key].label),
      ),
    );
  const selects = [chooser("First", pair[0]), chooser("Second", pair[1])];
  /** @type {Cell | null} */
  let cell = null;
  const body = make("div", {});
  const element = make(
    "figure",
    { class: "agreement" },
    make(
      "figcaption",
      {},
      term("Top-1 agreement with the target", view.comparison.definitions.agreement),
    ),
    make("div", { class: "limits" }, selects[0], "against", selects[1]),
    body,
    make(
      "p",
      { class: "quiet" },
      "Greedy decoding accepts where a draft agrees. A cell lists its tokens below.",
    ),
  );

  /** @returns {Pair} */
  const drafts = () => [selects[0].value, selects[1].value];

  /**
   * @param {string} a
   * @param {string} b
   */
  function counts(a, b) {
    const counted = /** @type {Agreement} */ (
      view.comparison.agreement.find(({ drafts: two }) => two.includes(a) && two.includes(b))
    );
    if (counted.drafts[0] === a) return counted;
    return { ...counted, first: counted.second, second: counted.first };
  }

  function show() {
    const [a, b] = drafts();
    if (a === b) {
      body.replaceChildren(make("p", {}, "Choose two different drafts."));
      return;
    }
    const counted = counts(a, b);
    const total = counted.both + counted.first + counted.second + counted.none;
    const button = (/** @type {Cell} */ name) => {
      const says = cellSays(name, view.looks[a].label, view.looks[b].label);
      const field = make(
        "button",
        {
          type: "button",
          "data-cell": name,
          "data-value": counted[name],
          "aria-pressed": "false",
          title: `${says}: ${amount(counted[name])} of ${amount(total)} tokens`,
        },
        make("strong", {}, amount(counted[name])),
        make("span", { class: "range" }, percent(counted[name] / total)),
      );
      field.style.setProperty("--v", String(counted[name] / total));
      field.addEventListener("click", () => open(name === cell ? null : name));
      return make("td", {}, field);
    };
    const side = (/** @type {string} */ key, /** @type {string} */ text) =>
      make("th", { scope: key === a ? "col" : "row" }, called(view.looks[key]), ` ${text}`);
    body.replaceChildren(
      make(
        "table",
        { class: "two" },
        make("thead", {}, make("tr", {}, make("td"), side(a, "agrees"), side(a, "does not"))),
        make(
          "tbody",
          {},
          make("tr", {}, side(b, "agrees"), button("both"), button("second")),
          make("tr", {}, side(b, "does not"), button("first"), button("none")),
        ),
      ),
    );
  }

  /** List the tokens of a cell, if there is one.
   *
   * @param {Cell | null} name
   */
  function open(name) {
    const [a, b] = drafts();
    press(a === b ? null : name);
    const rows = cell && rowsOf(cell, a, b);
    const says = cell && cellSays(cell, view.looks[a].label, view.looks[b].label);
    onRows(rows, `${amount(rows?.length)} tokens: ${says}`, [a, b]);
  }

  /**
   * @param {Cell} name
   * @param {string} a
   * @param {string} b
   */
  function rowsOf(name, a, b) {
    const [first, second] = [tokens.drafts[a].agree, tokens.drafts[b].agree];
    return [...first.keys()].filter((row) => CELLS[name](first[row], second[row]));
  }

  /** @param {Cell | null} name */
  function press(name) {
    cell = name;
    for (const button of body.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset.cell === cell));
    }
  }

  for (const select of selects) {
    select.addEventListener("change", () => {
      show();
      open(cell);
    });
  }
  show();
  return {
    element,
    open,
    clear: () => press(null),
    lists: () => cell !== null,
    state: () => ({ pair: drafts(), cell }),
  };
}

/**
 * @param {Cell} name
 * @param {string} a
 * @param {string} b
 */
function cellSays(name, a, b) {
  return {
    both: "both have the target's likeliest token",
    first: `only ${a} has the target's likeliest token`,
    second: `only ${b} has the target's likeliest token`,
    none: "neither has the target's likeliest token",
  }[name];
}
