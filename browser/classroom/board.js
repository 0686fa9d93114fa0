/** The board: what a presenter shows and does. Everything can be done with a clicker's two keys. */

/** @import { Mounted } from "../shared/types" */
/** @import { Reading } from "../replay/trace" */
/** @import { Betting } from "./bets" */
/** @import { LessonView, Overview, RunView, SharedView, Shown, Told } from "../schemas/told" */

import { component } from "../shared/component.js";
import { button, make } from "../shared/dom.js";
import { betCard } from "./bet_card.js";
import { asked, backOf, nextOf, questionAt } from "./bets.js";
import { connect } from "./connection.js";
import { BACK, NEXT } from "./keys.js";
import { fitted } from "./fit.js";
import { exhibitShelf } from "./shelf.js";
import { lessonStep } from "./lesson.js";
import { runItems } from "./runs.js";
import { countdown, timeOf } from "./timer.js";
import { watch } from "./watch.js";

const TIMES = [30, 60, 120]; // seconds
const TYPED = "textarea, select, dialog[open], input:not([type=range], [type=radio])";
/** @type {[keyof Overview["signs"], string][]} */
const SIGNS = [
  ["clear", "👍"],
  ["lost", "🤔"],
  ["slower", "🐢"],
  ["applause", "👏"],
];
/** @type {[Betting, string][]} */
const BETTING = [
  ["round", "one bet a pass"],
  ["every", "a bet on every guess"],
  ["never", "no bets"],
];
/** What is shown, by the minutes of the plan. @type {[string, string][]} */
const PLANS = [
  ["", "replays"],
  ["45", "the plan of 45 minutes"],
  ["90", "the plan of 90 minutes"],
];

/** @typedef {{ code: string, join: string, qr: string }} Data */

/**
 * @param {HTMLElement} parent
 * @param {Data} first
 * @returns {Mounted<Data>}
 */
function board(parent, { code, join, qr }) {
  const root = make("div", { class: "room board", tabindex: -1 });
  parent.append(root);
  const room = new URL(".", location.href);
  const secret = location.hash.slice(1);
  /** @type {SharedView | null} */
  let shared = null;
  /** @type {Overview | null} */
  let overview = null;
  /** @type {LessonView | null} */
  let lesson = null;
  /** @type {RunView[]} */
  let listed = [];
  /** @type {Reading | null} */
  let reading = null;
  /** @type {Betting} */
  let betting = "round";

  const state = make("span", { class: "state quiet", role: "status" });
  const timer = countdown();
  const stage = make("div", { class: "watched follows", inert: true });
  const place = make("div", { class: "bets" });
  const above = make("div", { class: "step-above" });
  const below = make("div", { class: "step-below" });
  const shelf = exhibitShelf(room);
  const content = make("div", { class: "content" }, above, place, below, shelf.element, stage);
  const unfit = fitted(content);
  const next = button("Next", () => goOn(), "next");
  const back = button("Back", () => goBack(), "back");
  const reveal = button("Reveal", () => connection.send({ do: "reveal" }));
  const ask = button("Bet on what comes", () => askNow());
  const askK = button("Bet on k", () => connection.send({ do: "choose k" }));
  const plans = select("Show", PLANS, (value) => {
    const begun = { minutes: Number(value), at: 0, phase: "idea", since: 0 };
    connection.send({ do: "teach", lesson: value ? begun : null });
  });
  const training = button("Let seats train", () =>
    connection.send({ do: "training", open: !shared?.training }),
  );
  const runs = make("ul", { class: "runs" });
  const replays = select("Replay", [], (value) => {
    const [draft, number] = JSON.parse(value);
    connection.send({ do: "show", step: 0, replay: { draft, number } });
  });
  const bettings = select("Bets", BETTING, (value) => {
    betting = /** @type {Betting} */ (value);
    draw();
  });
  const times = TIMES.map((seconds) =>
    button(timeOf(seconds), () =>
      connection.send({ do: "timer", until: Date.now() / 1000 + seconds }),
    ),
  );
  const stop = button("Stop", () => connection.send({ do: "timer", until: null }));
  const scores = button("Show points", () =>
    connection.send({ do: "scores", shown: !overview?.scores }),
  );
  const people = make("ul", { class: "people" });
  const questions = make("ul", { class: "asked" });
  const leaders = make("ol", { class: "leaders", hidden: true });
  const count = make("p", { class: "count-of-seats" });
  const signs = make("p", { class: "signs" });
  const close = button("Close the room", () => ending.showModal());
  const ending = make(
    "dialog",
    {},
    make("p", {}, "Close the room? Its seats, votes, questions and runs are gone."),
    button("Close it", () => connection.send({ do: "close" })),
    button("Keep it", () => ending.close()),
  );
  const picture = make("div", { class: "qr", role: "img", "aria-label": `Join at ${join}` });
  picture.append(new DOMParser().parseFromString(qr, "image/svg+xml").documentElement);

  root.append(
    make(
      "div",
      { class: "show" },
      make("div", { class: "line" }, back, next, ask, reveal, timer.element, state),
      content,
    ),
    make(
      "aside",
      {},
      picture,
      make("p", { class: "join" }, make("span", {}, join.split("?")[0]), make("strong", {}, code)),
      count,
      signs,
      leaders,
      make("h2", {}, "Questions"),
      questions,
      make("details", {}, make("summary", {}, "Seats"), people),
      make("details", {}, make("summary", {}, "Runs"), training, runs),
      make(
        "details",
        {},
        make("summary", {}, "Settings"),
        make(
          "div",
          { class: "settings" },
          plans.element,
          replays.element,
          bettings.element,
          askK,
          make(
            "a",
            { href: `notes#${secret}`, target: "_blank" },
            "Your notes, in a window of their own",
          ),
          make("div", { class: "line" }, "Timer", ...times, stop),
          own(),
          make("div", { class: "line" }, scores, close),
        ),
      ),
      ending,
    ),
  );
  shelf.element.addEventListener("shown", draw);
  const watched = watch(stage, room, {
    loaded: (loaded) => {
      reading = loaded;
      draw();
    },
    moved: () => {},
  });
  const connection = connect(new URL("socket", room), () => ({ do: "lead", secret }), {
    told,
    state: (now) => {
      state.textContent = now === "here" ? "" : "The connection is lost: coming back …";
    },
    over: (reason) => root.replaceChildren(make("p", { role: "alert", class: "fault" }, reason)),
  });
  offer();
  document.addEventListener("keydown", press);
  root.focus();

  async function offer() {
    const answer = await fetch(new URL("replays", room)).catch(() => null);
    if (!answer?.ok) return;
    /** @type {(Shown & { text: string })[]} */
    const offered = await answer.json();
    replays.fill(
      offered.map(({ draft, number, text }) => [
        JSON.stringify([draft, number]),
        `${draft} · #${number} ${text}`,
      ]),
    );
    draw();
  }

  /** @param {Told} news */
  function told(news) {
    if (news.shared) shared = news.shared;
    if (news.lesson !== undefined) lesson = news.lesson;
    if (news.runs) listed = news.runs;
    if (news.overview) overview = news.overview;
    state.textContent = news.refused ?? "";
    draw();
    if (news.press === "next") goOn();
    if (news.press === "back") goBack();
  }

  function draw() {
    if (!shared || !overview) return;
    const { bet } = shared;
    const step = JSON.stringify([lesson, bet?.phase ?? null, !bet]);
    if (above.dataset.drawn !== step) {
      above.dataset.drawn = step;
      const parts = lesson && lessonStep(lesson, bet);
      above.replaceChildren(parts?.above ?? "");
      below.replaceChildren(parts?.below ?? "");
    }
    shelf.show(lesson?.exhibit && !bet && shared.lesson?.phase === "shown" ? lesson.id : "");
    stage.hidden = lesson !== null;
    if (!lesson) watched.show(shared.shown, shared.board?.number ?? shared.step);
    replays.set(JSON.stringify([shared.shown.draft, shared.shown.number]));
    timer.show(shared.timer);
    const here = overview.seats.filter((each) => each.here);
    count.textContent = bet
      ? `${overview.voted} of ${here.length} have voted`
      : `${here.length} ${here.length === 1 ? "seat" : "seats"}`;
    place.replaceChildren(bet ? betCard(bet, { vote: null, choose: null }) : "", advice() ?? "");
    leaders.hidden = !shared.leaders;
    leaders.replaceChildren(
      ...(shared.leaders ?? []).map((each) => make("li", {}, `${each.name}: ${each.number}`)),
    );
    scores.textContent = overview.scores ? "Hide points" : "Show points";
    ask.hidden = Boolean(bet || lesson) || !reading || !questionAt(reading, shared.step);
    askK.disabled = Boolean(bet);
    plans.set(String(shared.lesson?.minutes ?? ""));
    training.textContent = shared.training ? "No more runs" : "Let seats train";
    const text = JSON.stringify(listed);
    if (runs.dataset.drawn !== text) {
      runs.dataset.drawn = text;
      runs.replaceChildren(
        ...runItems(
          listed,
          () => true,
          (message) => connection.send(message),
        ),
      );
    }
    const following = onward();
    next.textContent = following ? following.label : "The end";
    next.disabled = !following;
    reveal.hidden = !bet || bet.stage === "revealed" || next.textContent === reveal.textContent;
    back.disabled = !bet && !lesson && shared.step === 0;
    drawSigns(overview.signs);
    drawPeople(overview);
    drawQuestions(overview.asked);
  }

  /** Not how many are right: the room reads the board. */
  function advice() {
    if (shared?.bet?.stage !== "counted" || shared.bet.again || !overview?.discuss) return null;
    const text = "You do not agree. Talk it over with your neighbours, then vote again.";
    return make("p", { class: "advice" }, text);
  }

  /** @param {Overview["signs"]} counts */
  function drawSigns(counts) {
    const seen = SIGNS.filter(([sign]) => counts[sign]);
    signs.replaceChildren(
      ...seen.map(([sign, face]) => make("span", { title: sign }, `${face} ${counts[sign]} `)),
    );
    if (seen.length) signs.append(button("Seen", () => connection.send({ do: "cleared" })));
  }

  /** @param {Overview} given */
  function drawPeople({ seats }) {
    people.replaceChildren(
      ...seats.map(({ id, name, here, step, voted, points }) => {
        const notes = [here ? "" : "away", voted ? "voted" : "", points ? `${points} p` : ""];
        const item = make("li", { class: here ? "" : "away" }, name, " ");
        item.append(make("span", { class: "quiet" }, notes.filter(Boolean).join(", ")));
        if (step !== null) {
          item.append(button("Show this view", () => connection.send({ do: "board", seat: id })));
        }
        return item;
      }),
    );
  }

  /** @param {Overview["asked"]} waiting */
  function drawQuestions(waiting) {
    questions.replaceChildren(
      ...waiting.map(([number, name, text]) =>
        make(
          "li",
          {},
          make("q", {}, text),
          make("span", { class: "quiet" }, ` ${name} `),
          button("Answered", () => connection.send({ do: "answered", number })),
        ),
      ),
    );
    if (!waiting.length) questions.append(make("li", { class: "quiet" }, "none"));
  }

  /** A question of the presenter's own. */
  function own() {
    const text = make("input", {
      "aria-label": "Question",
      maxlength: 300,
      placeholder: "Your own question",
    });
    const options = make("textarea", {
      "aria-label": "Options",
      rows: 3,
      placeholder: "One option a line; * before the right one",
    });
    const form = make(
      "form",
      { class: "own" },
      text,
      options,
      make("button", { type: "submit" }, "Let them vote"),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const lines = options.value
        .split("\n")
        .map((line) => line.trim())
        .filter(Boolean);
      const right = lines.findIndex((line) => line.startsWith("*"));
      if (!text.value.trim() || lines.length < 2 || lines.length > 6) {
        state.textContent = "A question and two to six options, one a line.";
        return;
      }
      const question = asked({
        text: text.value,
        options: lines.map((line) => line.replace(/^\*\s*/, "")),
        answer: right < 0 ? null : right,
      });
      connection.send({ do: "open", question });
    });
    return form;
  }

  function askNow() {
    const question = reading && shared && questionAt(reading, shared.step);
    if (question) connection.send({ do: "open", question });
  }

  /** What the next key does; first it leads through the exhibit, where that has steps of its own. */
  function onward() {
    if (!shared || !overview) return null;
    const label = shared.bet || shared.board ? null : shelf.next();
    if (label) return { label, message: null };
    return nextOf(lesson ? null : reading, shared, lesson, overview, betting);
  }

  function goOn() {
    const following = onward();
    if (following?.message) connection.send(following.message);
    else if (following) {
      shelf.goOn();
      draw();
    }
  }

  function goBack() {
    if (shared) connection.send(backOf(shared));
  }

  /** @param {KeyboardEvent} event */
  function press(event) {
    const { key, target } = event;
    const clicker = key === "PageDown" || key === "PageUp";
    const within = clicker ? TYPED : `${TYPED}, input, .shelf`;
    if (/** @type {HTMLElement} */ (target).closest(within)) return;
    const onButton = /** @type {HTMLElement} */ (target).closest("button, summary");
    if (onButton && (key === " " || key === "Enter")) return;
    if (NEXT.includes(key)) goOn();
    else if (BACK.includes(key)) goBack();
    else return;
    event.preventDefault();
  }

  return {
    show: () => {},
    leave() {
      document.removeEventListener("keydown", press);
      unfit();
      shelf.show("");
      connection.leave();
      root.remove();
    },
  };
}

/**
 * @param {string} label
 * @param {[value: string, text: string][]} options
 * @param {(value: string) => void} chosen
 */
function select(label, options, chosen) {
  const field = make("select");
  field.addEventListener("change", () => chosen(field.value));
  const fill = (/** @type {[string, string][]} */ given) =>
    field.replaceChildren(...given.map(([value, text]) => make("option", { value }, text)));
  fill(options);
  const set = (/** @type {string} */ value) => {
    field.value = value;
  };
  return { element: make("label", {}, label, " ", field), fill, set };
}

export default component(board);
