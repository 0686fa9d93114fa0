/** A step of the teacher's plan, as the board and the seats see it. */

/** @import { BetView, LessonView } from "../schemas/told" */

import { drawn, words } from "../learn/blocks.js";
import { make } from "../shared/dom.js";

/** What stands above a bet, and below it; while a question is asked, nothing but the title.
 *
 * @param {LessonView} view
 * @param {BetView | null} bet
 */
export function lessonStep(view, bet) {
  const { number, of, title, terms, idea, given, material, shown, outcome } = view;
  const above = make(
    "section",
    { class: "learn lesson", "aria-label": "Lesson" },
    make("h2", {}, `${number} of ${of}. ${title}`),
  );
  const below = make("section", { class: "learn lesson", "aria-label": "What happened" });
  if (!shown.length) {
    above.append(
      make(
        "div",
        { class: "opening" },
        make("p", { class: "idea" }, ...words(idea, terms)),
        make(
          "div",
          { class: "seen" },
          make("p", { class: "quiet" }, given),
          make("div", { class: "material" }, ...material.map(drawn)),
        ),
      ),
    );
  } else if (!bet || bet.phase === "shown") {
    below.append(
      make("p", { class: "reply" }, ...words(shown, terms)),
      make("div", { class: "material" }, ...outcome.map(drawn)),
    );
  }
  return { above, below };
}
