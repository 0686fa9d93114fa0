/** The two ways to set drafts side by side: rows with a cell a draft, the places where decisions differ
 * between two drafts, and what each draft has reached after a row. */

/** @import { ForcedLanes, FreeLanes, Vocabulary } from "../shared/types" */
/** @import { Disagreement, Lane, Round } from "./rounds" */

import { make } from "../shared/dom.js";
import { GLOSSARY } from "../shared/glossary.js";
import { pieceOf, spelled } from "../shared/glyphs.js";
import { fixed } from "../shared/numbers.js";
import { disagreements, firstDifference, readRounds } from "./rounds.js";

/**
 * @typedef {object} Mode
 * @property {string} unit of a row
 * @property {[name: string, help: string][]} head of the columns at the left
 * @property {(row: number) => HTMLElement[]} left the cells of these columns
 * @property {(key: string, row: number) => HTMLElement} cell
 * @property {(key: string, row: number) => [string, string]} score
 * @property {(a: string, b: string) => Disagreement[]} versus
 */

/** Every draft decodes by itself: a row a round.
 *
 * @param {FreeLanes} view
 * @returns {Mode}
 */
export function readFree(view) {
  /** @type {Record<string, Lane>} */
  const lanes = Object.fromEntries(
    Object.entries(view.lanes).map(([key, { rounds }]) => [key, readRounds(rounds)]),
  );
  const base = lanes[view.baseline].text;
  const parts = (/** @type {string} */ key) =>
    key === view.baseline ? Infinity : firstDifference(lanes[key].text, base);
  return {
    unit: "round",
    head: [],
    left: () => [],
    cell: (key, row) => freeCell(view, lanes[key].rounds[row], parts(key)),
    score: (key, row) => freeScore(lanes[key], row),
    versus: (a, b) => disagreements(lanes, a, b),
  };
}

/**
 * @param {FreeLanes} view
 * @param {Round | undefined} round
 * @param {number} parts position from which on the text is another than the baseline's
 */
function freeCell(view, round, parts) {
  if (!round) return make("td", { class: "over" }, "–");
  const chips = round.proposals.map((proposal) => {
    const { p, q, u, accepted } = proposal;
    const kind = accepted === null ? "untested" : accepted ? "accepted" : "rejected";
    const says =
      accepted === null
        ? "not tested: one before it was rejected"
        : `${kind}: u = ${fixed(u, 3)} against min(1, p/q) = ${Math.min(1, p / q).toFixed(3)}`;
    return chip(view, proposal, kind, `p = ${fixed(p, 3)}, q = ${fixed(q, 3)}. ${says}`, parts);
  });
  if (round.last) {
    const says =
      round.last.kind === "bonus"
        ? "bonus: all were accepted, and the target's pass gave one more"
        : "residual: the target's own, in place of the rejected one";
    chips.push(chip(view, round.last, round.last.kind, says, parts));
  }
  return make("td", {}, ...chips);
}

/** @typedef {"accepted" | "rejected" | "untested" | "residual" | "bonus"} Kind */

/** @type {Record<Kind, string>} */
const MARKS = { accepted: "✓", rejected: "✕", untested: "", residual: "↻", bonus: "+" };

/**
 * @param {{ vocabulary: Vocabulary }} view
 * @param {{ token: number, position: number }} of
 * @param {Kind} kind
 * @param {string} says
 * @param {number} parts
 */
function chip({ vocabulary }, { token, position }, kind, says, parts) {
  const emitted = kind !== "rejected" && kind !== "untested";
  const parted = emitted && position === parts;
  const element = make("span", {
    class: `chip ${kind}${parted ? " parted" : ""}`,
    "data-place": position,
    title: `text place ${position + 1}, ${says}${parted ? ". From here on another text than the baseline's" : ""}`,
  });
  element.append(
    spelled(pieceOf(vocabulary, token)),
    make("i", { role: "img", "aria-label": kind }, MARKS[kind]),
  );
  return element;
}

/**
 * @param {Lane} lane
 * @param {number} row
 * @returns {[string, string]}
 */
function freeScore({ rounds }, row) {
  const last = Math.min(row, rounds.length - 1);
  const [tokens, passes] = [rounds[last].after, last + 1];
  return [
    `${tokens} tokens in ${passes} ${passes === 1 ? "pass" : "passes"}`,
    `${(tokens / passes).toFixed(2)} a pass`,
  ];
}

/** Every draft meets the target's recorded text: a row a token.
 *
 * @param {ForcedLanes} view
 * @returns {Mode}
 */
export function readForced(view) {
  const keep = (/** @type {string} */ key, /** @type {number} */ row) =>
    Math.min(1, view.lanes[key].q[row] / view.p[row]);
  const keeps = (/** @type {string} */ key, /** @type {number} */ row) =>
    view.u[row] < keep(key, row);
  /**
   * @param {string} key
   * @param {number} row
   * @param {(key: string, row: number) => number | boolean} of
   */
  const upTo = (key, row, of) => {
    let sum = 0;
    for (let at = 0; at <= row; at += 1) sum += Number(of(key, at));
    return sum;
  };
  return {
    unit: "token",
    head: [
      ["token", "Of the target's recorded text."],
      ["p", GLOSSARY.probability.text],
      ["u", "The test's uniform in this place, the same for every draft and as in the replays."],
    ],
    left: (row) => {
      const text = make("td", { class: "text" }, spelled(pieceOf(view.vocabulary, view.ids[row])));
      return [text, make("td", {}, fixed(view.p[row], 3)), make("td", {}, fixed(view.u[row], 3))];
    },
    cell: (key, row) => forcedCell(view, key, row, keep(key, row), keeps(key, row)),
    score: (key, row) => [
      `keeps ${upTo(key, row, keeps)} of ${row + 1}`,
      `${upTo(key, row, keep).toFixed(1)} expected`,
    ],
    versus: (a, b) =>
      view.ids.flatMap((token, row) =>
        keeps(a, row) === keeps(b, row)
          ? []
          : [{ rows: [row], position: row, keeps: keeps(a, row) ? a : b, tokens: [token, token] }],
      ),
  };
}

/**
 * @param {ForcedLanes} view
 * @param {string} key
 * @param {number} row
 * @param {number} keep
 * @param {boolean} kept
 */
function forcedCell(view, key, row, keep, kept) {
  const { q, overlap, kl, agree } = view.lanes[key];
  const fill = make("i", { style: `width: ${(100 * keep).toFixed(1)}%` });
  const meter = make("span", { class: "meter" }, fill);
  const says =
    `${kept ? "kept" : "not kept"}: u = ${view.u[row].toFixed(3)} against min(1, q/p) = ${keep.toFixed(3)}; ` +
    `q = ${fixed(q[row], 4)}, β = ${fixed(overlap[row], 4)}, KL = ${fixed(kl[row], 4)} nats, ` +
    `likeliest token ${agree[row] ? "is" : "is not"} the target's`;
  return make(
    "td",
    { class: kept ? "kept" : "lost", "data-place": row, title: says },
    make("b", { role: "img", "aria-label": kept ? "kept" : "not kept" }, kept ? "✓" : "✕"),
    meter,
    make("span", { class: "number" }, keep.toFixed(2)),
    make("span", { class: "number faint" }, `β ${overlap[row].toFixed(2)}`),
  );
}
