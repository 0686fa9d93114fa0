/** A bet as people see it: the question, its options, and how the votes are spread. */

/** @import { BetView } from "../schemas/told" */

import { make } from "../shared/dom.js";

const STAGES = {
  open: "Place your bet",
  counted: "The votes",
  revealed: "What happened",
};

/**
 * @param {BetView} bet
 * @param {object} own
 * @param {number | null} own.vote
 * @param {((option: number) => void) | null} own.choose null: whoever looks does not bet
 */
export function betCard(bet, { vote, choose }) {
  const total = bet.counts?.reduce((sum, count) => sum + count, 0) ?? 0;
  const card = make(
    "section",
    { class: `bet ${bet.stage}`, "aria-label": "Bet" },
    make(
      "p",
      { class: "stage" },
      bet.again ? `${STAGES[bet.stage]} (second vote)` : STAGES[bet.stage],
    ),
    make("h2", {}, bet.text),
    make("div", { class: "options" }, ...bet.options.map(option)),
    bet.why ? make("p", { class: "why-it-is" }, bet.why) : null,
  );
  return card;

  /** @param {string} text
   * @param {number} at
   */
  function option(text, at) {
    const right = bet.answer === at;
    const chosen = vote === at;
    const classes = [
      "option",
      right && "right",
      chosen && "chosen",
      bet.answer !== null && !right && "wrong",
    ];
    const label = [text, right ? " ✓" : "", chosen ? " · your bet" : ""].join("");
    const share = bet.counts && total ? bet.counts[at] / total : 0;
    const parts = [
      make("span", { class: "label" }, label),
      bet.figures.length ? make("strong", { class: "measured" }, bet.figures[at]) : null,
      bet.counts ? make("span", { class: "votes" }, votes(bet.counts[at])) : null,
      bet.before && bet.counts
        ? make("span", { class: "votes before" }, `first ${bet.before[at]}`)
        : null,
      bet.counts ? bar(share) : null,
    ];
    const attributes = { class: classes.filter(Boolean).join(" ") };
    if (!choose || bet.stage !== "open") return make("div", attributes, ...parts);
    const button = make(
      "button",
      { ...attributes, type: "button", "aria-pressed": String(chosen) },
      ...parts,
    );
    button.addEventListener("click", () => choose(at));
    return button;
  }
}

/** @param {number} share */
function bar(share) {
  const filled = make("span", { class: "filled" });
  filled.style.width = `${100 * share}%`;
  return make("span", { class: "bar" }, filled);
}

/** @param {number} count */
const votes = (count) => `${count} ${count === 1 ? "vote" : "votes"}`;
