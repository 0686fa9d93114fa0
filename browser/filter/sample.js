/** The sample text: its kept tokens are outlined, the prompt is grey. */

/** @import { FilterReading } from "../shared/types" */

import { make } from "../shared/dom.js";
import { endsLine, pieceOf, spell } from "../shared/glyphs.js";
import { amount } from "../shared/numbers.js";
import { ALL } from "./view.js";

/** @param {Pick<FilterReading, "text">} view */
export function filterSample({ text }) {
  const { id, response, entry, vocabulary, title } = text;
  const pieces = Array.from(id, (token) => pieceOf(vocabulary, token));
  const tokens = pieces.map((piece, row) => {
    const token = make("span", { class: response[row] ? "token" : "token prompt" });
    spell(token, piece);
    if (piece.special) token.classList.add("special");
    return token;
  });
  const lines = tokens.flatMap((token, row) =>
    endsLine(pieces[row]) ? [token, make("br")] : [token],
  );
  const count = make("p", { class: "quiet" });
  const element = make(
    "section",
    { class: "sample" },
    make("h3", {}, title),
    count,
    make("div", { class: "text", tabindex: "0", role: "region", "aria-label": title }, ...lines),
  );

  // In the order in which they come in as k grows, so that a step touches only what it changes.
  const order = [...entry.keys()]
    .filter((row) => entry[row] <= ALL)
    .sort((a, b) => entry[a] - entry[b]);
  let kept = 0;

  /** @param {number} k */
  function show(k) {
    while (kept < order.length && entry[order[kept]] <= k) {
      tokens[order[kept]].classList.add("kept");
      kept += 1;
    }
    while (kept > 0 && entry[order[kept - 1]] > k) {
      kept -= 1;
      tokens[order[kept]].classList.remove("kept");
    }
    count.textContent = `${amount(kept)} of ${amount(order.length)} answer tokens are kept and outlined`;
  }

  return { element, show };
}
