/** Tokens with their contexts and every draft's numbers, each a link to the Tokens page. */

/** @import { BoardTokens, BoardView } from "../shared/types" */

import { make } from "../shared/dom.js";
import { GLOSSARY } from "../shared/glossary.js";
import { pieceOf, spelled } from "../shared/glyphs.js";
import { amount, fixed } from "../shared/numbers.js";
import { term } from "../shared/term.js";
import { called } from "./look.js";

const LISTED = 100;

/**
 * @param {BoardView} view
 * @param {BoardTokens} tokens
 * @param {boolean} alone
 * @param {(row: number | null) => void} onPoint
 */
export function tokenList(view, tokens, alone, onPoint) {
  const keys = Object.keys(tokens.drafts);
  const wide = tokens.before + 1;
  const title = make("h3", { "aria-live": "polite" });
  const body = make("tbody", {});
  const more = make("p", { class: "quiet" });
  const heads = keys.map((key) => [
    make(
      "th",
      { scope: "col" },
      called(view.looks[key]),
      " ",
      term("β", view.comparison.definitions.overlap),
    ),
    make("th", { scope: "col" }, term("KL", view.comparison.definitions.kl)),
  ]);
  const element = make(
    "div",
    { class: "listed", hidden: true },
    title,
    make(
      "div",
      { class: "scroll tall", tabindex: "0", role: "region", "aria-label": "Tokens listed" },
      make(
        "table",
        {},
        make(
          "thead",
          {},
          make(
            "tr",
            {},
            make("th", { scope: "col" }, term("example", "Number of the held-out prompt.")),
            make(
              "th",
              { scope: "col", class: "text" },
              term("token in its text", "The token, after what stood before it."),
            ),
            make("th", { scope: "col" }, term("p(token)", GLOSSARY.probability.text)),
            ...heads.flat(),
          ),
        ),
        body,
      ),
    ),
    more,
  );

  /**
   * @param {number} row
   * @param {number} at
   */
  function piece(row, at) {
    return pieceOf(tokens.vocabulary, tokens.windows[row * wide + at]);
  }

  /** @param {number} row */
  function line(row) {
    const context = Array.from({ length: tokens.before }, (_, at) => spelled(piece(row, at)));
    const text = make(
      "td",
      { class: "text" },
      make("span", { class: "context" }, ...context),
      spelled(piece(row, tokens.before), { class: "came" }),
    );
    const example = `#${tokens.seq[row]}`;
    const listed = make(
      "tr",
      { "data-row": row },
      make("td", {}, alone ? example : make("a", { href: address(row), target: "_self" }, example)),
      text,
      make("td", {}, fixed(tokens.p[row], 3)),
      ...keys.flatMap((key) => [
        make("td", {}, fixed(tokens.drafts[key].overlap[row], 3)),
        make("td", {}, fixed(tokens.drafts[key].kl[row], 3)),
      ]),
    );
    listed.addEventListener("pointerenter", () => onPoint(row));
    listed.addEventListener("pointerleave", () => onPoint(null));
    return listed;
  }

  /** The Tokens page at this token, with the first draft that is no baseline.
   *
   * @param {number} row
   */
  function address(row) {
    const look =
      view.looks[keys.filter((key) => key !== view.comparison.baseline).at(-1) ?? keys[0]];
    const query = new URLSearchParams({
      run: look.run,
      example: String(tokens.seq[row]),
      token: String(tokens.row[row]),
      draft: look.name,
    });
    return `tokens?${query}`;
  }

  /**
   * @param {number[]} rows
   * @param {string} says
   */
  function show(rows, says) {
    element.toggleAttribute("hidden", rows.length === 0 && says === "");
    title.textContent = says;
    body.replaceChildren(...rows.slice(0, LISTED).map(line));
    more.textContent =
      rows.length > LISTED ? `The first ${LISTED} of ${amount(rows.length)} are listed.` : "";
  }

  return { element, show };
}
