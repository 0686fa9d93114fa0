/** The tokens behind the numbers: overlap against KL with its floor, top-1 agreement of two drafts as
 * a 2 x 2, and one list of tokens that a rectangle or a cell fills. */

/** @import { AtlasCell, AtlasView, BoardState, BoardTokens, BoardView } from "../shared/types" */

import { column } from "../shared/columns.js";
import { make } from "../shared/dom.js";
import { amount } from "../shared/numbers.js";
import { agreement } from "./agreement.js";
import { atlasTable } from "./atlas.js";
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
 * @param {AtlasView | null} atlas of a report from disk
 * @param {() => void} changed
 */
export function tokenSection(view, given, alone, atlas, changed) {
  const tokens = readTokens(view.tokens);
  const keys = Object.keys(tokens.drafts);
  const { baseline } = view.comparison;
  const firstKey = keys.filter((key) => key !== baseline).at(-1) ?? keys[0];
  const list = tokenList(view, tokens, alone, (row) => cloud.point(row));
  const cloud = scatter(view, tokens, given.scatter ?? firstKey, (rows, says, key) => {
    const { kl } = tokens.drafts[key];
    enlist(cloud, rows, `${says}, largest KL first`, (row) => kl[row]);
  });
  const table = agreement(
    view,
    tokens,
    given.agree ?? [firstKey, baseline],
    (rows, says, [a, b]) => {
      const apart = (/** @type {number} */ row) =>
        Math.abs(tokens.drafts[a].overlap[row] - tokens.drafts[b].overlap[row]);
      enlist(table, rows, `${says}, where β differs most first`, apart);
    },
  );

  const lost = atlas && atlasTable(atlas, listCell);
  const listers = [cloud, table, lost].filter((each) => each !== null);

  /** What a rectangle or a cell lists, greatest first; it takes the others away. Null: it is gone.
   *
   * @param {{ clear: () => void, lists: () => boolean } | null} lister
   * @param {number[] | null} rows
   * @param {string} says
   * @param {(row: number) => number} size
   */
  function enlist(lister, rows, says, size) {
    const others = listers.filter((each) => each !== lister);
    if (rows) {
      for (const other of others) other.clear();
      list.show(
        rows.sort((a, b) => size(b) - size(a)),
        says,
      );
    } else if (!others.some((other) => other.lists())) list.show([], "");
    changed();
  }

  /** Of the sample, the tokens that lie in a cell of the atlas.
   *
   * @param {AtlasCell | null} cell
   */
  function listCell(cell) {
    const { lies, drafts } = /** @type {AtlasView} */ (atlas);
    const [rowOf, columnOf] = lies.map(column);
    const [draft, rival] = drafts.map((key) => tokens.drafts[key].overlap);
    const size = (/** @type {number} */ row) => Math.abs((rival ? rival[row] : 1) - draft[row]);
    const rows = [...rowOf.keys()].filter(
      (row) => cell && rowOf[row] === cell.row && columnOf[row] === cell.column,
    );
    const order = rival ? "where β differs most first" : "smallest β first";
    enlist(lost, cell && rows, cell ? `${cell.says}; ${order}` : "", size);
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
    lost && lost.element,
    make("div", { class: "pair" }, cloud.element, table.element),
    list.element,
  );
  return { element, open, state };
}
