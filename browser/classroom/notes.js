/** The presenter's notes: what the plan says, the time that is left, who has voted; and the same keys as
 * the board's, which act there. */

/** @import { Mounted } from "../shared/types" */
/** @import { LessonView, NotesView, Overview, SharedView, Told } from "../schemas/told" */

import { component } from "../shared/component.js";
import { button, make } from "../shared/dom.js";
import { percent } from "../learn/blocks.js";
import { nextOf } from "./bets.js";
import { connect } from "./connection.js";
import { BACK, NEXT } from "./keys.js";
import { countdown } from "./timer.js";

/**
 * @param {HTMLElement} parent
 * @returns {Mounted<object>}
 */
function notes(parent) {
  const root = make("div", { class: "room notes", tabindex: -1 });
  parent.append(root);
  const room = new URL(".", location.href);
  const secret = location.hash.slice(1);
  /** @type {SharedView | null} */
  let shared = null;
  /** @type {Overview | null} */
  let overview = null;
  /** @type {LessonView | null} */
  let lesson = null;
  /** @type {NotesView | null} */
  let plan = null;

  const state = make("span", { class: "state quiet", role: "status" });
  const timer = countdown();
  const next = press("Next", "next");
  const back = press("Back", "back");
  const title = make("h1", {});
  const sees = make("p", {});
  const ask = make("p", { class: "asks" });
  const answer = make("p", {});
  const votes = make("p", { class: "count-of-seats" });
  const questions = make("ul", { class: "asked" });
  const begin = make(
    "div",
    { class: "line" },
    ...[45, 90].map((minutes) =>
      button(`Begin the plan of ${minutes} minutes`, () =>
        connection.send({ do: "teach", lesson: { minutes, at: 0, phase: "idea", since: 0 } }),
      ),
    ),
  );
  root.append(
    make("div", { class: "line" }, back, next, timer.element, state),
    title,
    begin,
    make("h2", {}, "Ask"),
    ask,
    make("h2", {}, "The class sees"),
    sees,
    answer,
    votes,
    make("h2", {}, "Questions"),
    questions,
  );
  const connection = connect(new URL("socket", room), () => ({ do: "lead", secret }), {
    told,
    state: (now) => {
      state.textContent = now === "here" ? "" : "The connection is lost: coming back …";
    },
    over: (reason) => root.replaceChildren(make("p", { role: "alert", class: "fault" }, reason)),
  });
  document.addEventListener("keydown", pressed);
  root.focus();

  /** @param {Told} news */
  function told(news) {
    if (news.shared) shared = news.shared;
    if (news.lesson !== undefined) lesson = news.lesson;
    if (news.notes !== undefined) plan = news.notes;
    if (news.overview) overview = news.overview;
    state.textContent = news.refused ?? "";
    draw();
  }

  function draw() {
    if (!shared || !overview) return;
    // An exhibit on the board may have steps of its own, which only the board knows.
    const exhibited = lesson?.exhibit && !shared.bet && shared.lesson?.phase === "shown";
    const label = exhibited ? null : nextOf(null, shared, lesson, overview, "never")?.label;
    next.textContent = label ?? "Next";
    title.textContent = lesson
      ? `${lesson.number} of ${lesson.of}. ${lesson.title}`
      : "No lesson: the board shows a replay.";
    begin.hidden = lesson !== null;
    timer.show(plan?.until ?? null);
    ask.textContent = plan?.ask ?? "Why was this guess kept, or not?";
    sees.textContent = plan?.sees ?? "The replay.";
    answer.textContent = plan?.answer ? `Right is: ${plan.answer}` : "";
    const here = overview.seats.filter((seat) => seat.here).length;
    const right = overview.right === null ? "" : `; ${percent(overview.right)} are right`;
    votes.textContent = shared.bet
      ? `${overview.voted} of ${here} have voted${right}`
      : `${here} ${here === 1 ? "seat" : "seats"}`;
    questions.replaceChildren(
      ...overview.asked.map(([, name, text]) =>
        make("li", {}, make("q", {}, text), make("span", { class: "quiet" }, ` ${name}`)),
      ),
    );
    if (!overview.asked.length) questions.append(make("li", { class: "quiet" }, "none"));
  }

  /**
   * @param {string} label
   * @param {"next" | "back"} key
   */
  function press(label, key) {
    return button(label, () => connection.send({ do: "press", key }), key);
  }

  /** @param {KeyboardEvent} event */
  function pressed(event) {
    const { key, target } = event;
    const onButton = /** @type {HTMLElement} */ (target).closest("button");
    if (onButton && (key === " " || key === "Enter")) return;
    if (NEXT.includes(key)) connection.send({ do: "press", key: "next" });
    else if (BACK.includes(key)) connection.send({ do: "press", key: "back" });
    else return;
    event.preventDefault();
  }

  return {
    show: () => {},
    leave() {
      document.removeEventListener("keydown", pressed);
      connection.leave();
      root.remove();
    },
  };
}

export default component(notes);
