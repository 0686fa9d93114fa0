/** The tokens behind the numbers: overlap against KL with its floor, top-1 agreement of two drafts as
 * a 2 x 2, and one list of tokens that a rectangle or a cell fills. */

/** @import { BoardState, BoardTokens, BoardView } from "../shared/types" */

import { column } from "../shared/columns.js";
import { make } from "../shared/dom.js";
import { amount } from "../shared/numbers.js";
import { agreement } from "./agreement.js";
import { WHOLE, scatter } from "./scatter.js";
import { tokenList } from "./token_list.js";

/**
 * @param {BoardView["tokens"]} packed
 * @returns {BoardTokens}
 */
function readTokens(packed) {
  const columns = Object.entries(packed.drafts).map(([key, { kl, overlap, q, agree }]) => [
    key,
    { kl: column(kl), overlap: column(overlap), q: column(q), agree: column(agree) },
  ]);
  return {
    ...packed,
    seq: column(packed.seq),
    row: column(packed.row),
    p: column(packed.p),
    windows: column(packed.windows),
    drafts: Object.fromEntries(columns),
  };
}

/**
 * @param {BoardView} view
 * @param {BoardState} given
 * @param {boolean} alone
 * @param {() => void} changed
 */
export function tokenSection(view, given, alone, changed) {
  const tokens = readTokens(view.tokens);
  const keys = Object.keys(tokens.drafts);
  const { baseline } = view.comparison;
  const firstKey = keys.filter((key) => key !== baseline).at(-1) ?? keys[0];
  const list = tokenList(view, tokens, alone, (row) => cloud.point(row));
  const cloud = scatter(view, tokens, given.scatter ?? firstKey, (rows, says, key) => {
    const { kl } = tokens.drafts[key];
    enlist(table, rows, `${says}, largest KL first`, (row) => kl[row]);
  });
  const table = agreement(
    view,
    tokens,
    given.agree ?? [firstKey, baseline],
    (rows, says, [a, b]) => {
      const apart = (/** @type {number} */ row) =>
        Math.abs(tokens.drafts[a].overlap[row] - tokens.drafts[b].overlap[row]);
      enlist(cloud, rows, `${says}, where β differs most first`, apart);
    },
  );

  /** What a rectangle or a cell lists, greatest first; it takes the other away. Null: it is gone.
   *
   * @param {{ clear: () => void, lists: () => boolean }} other
   * @param {number[] | null} rows
   * @param {string} says
   * @param {(row: number) => number} size
   */
  function enlist(other, rows, says, size) {
    if (rows) {
      other.clear();
      list.show(
        rows.sort((a, b) => size(b) - size(a)),
        says,
      );
    } else if (!other.lists()) list.show([], "");
    changed();
  }

  /** @param {BoardState} given */
  function open({ kl, beta, cell }) {
    if (kl || beta) cloud.choose({ kl: kl ?? WHOLE.kl, beta: beta ?? WHOLE.beta });
    else if (cell) table.open(cell);
  }

  /** As app/compare/board.py has it: null is what a viewer finds.
   *
   * @returns {BoardState}
   */
  function state() {
    const { key, rectangle } = cloud.state();
    const { pair, cell } = table.state();
    return {
      scatter: key === firstKey ? null : key,
      kl: rectangle?.kl ?? null,
      beta: rectangle?.beta ?? null,
      agree: pair[0] === firstKey && pair[1] === baseline ? null : pair,
      cell,
    };
  }

  const part =
    tokens.rows < tokens.total
      ? `${amount(tokens.rows)} of ${amount(tokens.total)} tokens, evenly spaced over all prompts, are drawn and listed; counts are of all.`
      : `All ${amount(tokens.total)} tokens of the target's own text.`;
  const element = make(
    "section",
    { class: "tokens" },
    make("h2", {}, "Tokens behind the numbers"),
    make("p", { class: "quiet" }, part),
    make("div", { class: "pair" }, cloud.element, table.element),
    list.element,
  );
  return { element, open, state };
}
