/** Tables of shares at k: a bar from 0 to 100 %, a tick to hold it against, and the number. */

/** @import { FilterReading, GroupRow, Numbers, OverlapRow, ShareList } from "../shared/types" */

import { make } from "../shared/dom.js";
import { amount, percent } from "../shared/numbers.js";
import { term } from "../shared/term.js";
import { jaccard } from "./view.js";

/**
 * @typedef {object} Row
 * @property {string} label
 * @property {string} [explanation]
 * @property {HTMLElement[]} cells
 * @property {(k: number) => void} show
 */

const CLASS_HELP =
  "Of this class, the share that is kept. The tick is the share kept of all tokens.";
const PART_HELP = "Of all that is kept, the share that belongs to this class.";
const WHOLE_HELP = "Of all tokens, the share that belongs to this class.";
const SHARED_HELP =
  "Of the tokens kept here, the share that the other selection keeps as well. The tick is what two " +
  "random selections would share: k.";

/**
 * @param {FilterReading} view
 * @param {ShareList<GroupRow<Numbers>>} group
 */
export function groupTable(view, group) {
  const rows = group.rows.map((row) => {
    const [inside, part] = [meter(), make("td")];
    const show = (/** @type {number} */ k) => {
      const kept = row.kept[k];
      inside.show(kept / row.tokens, view.kept[k] / view.tokens);
      inside.element.title = `${amount(kept)} of ${amount(row.tokens)} tokens of this class are kept`;
      part.textContent = percent(kept / view.kept[k]);
    };
    const cells = [inside.element, part, make("td", {}, percent(row.tokens / view.tokens))];
    return { ...row, cells, show };
  });
  /** @type {[string, string][]} */
  const columns = [
    ["kept of class", CLASS_HELP],
    ["part of kept", PART_HELP],
    ["part of all", WHOLE_HELP],
  ];
  return shareTable(group, columns, rows);
}

/**
 * @param {FilterReading} view
 * @param {ShareList<OverlapRow<Numbers>>} overlap
 */
export function overlapTable(view, overlap) {
  const rows = overlap.rows.map((row) => {
    const both = meter();
    const show = (/** @type {number} */ k) => {
      const [shared, kept] = [row.shared[k], view.kept[k]];
      const chance = kept / view.tokens;
      both.show(shared / kept, chance);
      both.element.title =
        `${amount(shared)} of ${amount(kept)} kept tokens are shared. Jaccard index ` +
        `${jaccard(shared, kept).toFixed(3)}, by chance ${(chance / (2 - chance)).toFixed(3)}.`;
    };
    return { ...row, cells: [both.element], show };
  });
  return shareTable(overlap, [["kept by both", SHARED_HELP]], rows);
}

/**
 * @param {{ name: string, explanation: string }} list
 * @param {[title: string, help: string][]} columns
 * @param {Row[]} rows
 */
function shareTable({ name, explanation }, columns, rows) {
  const head = columns.map(([title, help]) => make("th", { scope: "col" }, term(title, help)));
  const body = rows.map((row) =>
    make(
      "tr",
      {},
      make("th", { scope: "row", title: row.explanation ?? row.label }, row.label),
      ...row.cells,
    ),
  );
  const element = make(
    "table",
    { class: columns.length > 1 && "wide" },
    make("caption", {}, term(name, explanation)),
    make("thead", {}, make("tr", {}, make("td"), ...head)),
    make("tbody", {}, ...body),
  );
  return { element, show: (/** @type {number} */ k) => rows.forEach((row) => row.show(k)) };
}

function meter() {
  const [fill, tick, number] = [make("i"), make("b"), make("span", { class: "number" })];
  const bar = make("span", { class: "meter" }, fill, tick);
  const element = make("td", {}, bar, number);
  /**
   * @param {number} share
   * @param {number} reference
   */
  function show(share, reference) {
    fill.style.transform = `scaleX(${share || 0})`;
    tick.style.left = `${(reference * 100 || 0).toFixed(2)}%`;
    number.textContent = percent(share);
  }
  return { element, show };
}
