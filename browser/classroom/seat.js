/** A seat: joins a room by its code, follows what is shown, bets, signals, asks, looks around. */

/** @import { Mounted } from "../shared/types" */
/** @import { LessonView, PersonalView, RunView, SharedView, Told } from "../schemas/told" */

import { component } from "../shared/component.js";
import { make } from "../shared/dom.js";
import { betCard } from "./bet_card.js";
import { connect } from "./connection.js";
import { lessonStep } from "./lesson.js";
import { runItems, trainForm } from "./runs.js";
import { countdown } from "./timer.js";
import { watch } from "./watch.js";

const SEAT = "adaspec-seat"; // where the browser keeps it
const CODE = 6;
const SIGNS = [
  ["clear", "👍 I follow"],
  ["lost", "🤔 I am lost"],
  ["slower", "🐢 Slower"],
  ["applause", "👏 Nice"],
];

/** @typedef {{ code: string, id: string, secret: string }} Kept */

/**
 * @param {HTMLElement} parent
 * @returns {Mounted<object>}
 */
function seat(parent) {
  const root = make("div", { class: "room seat" });
  parent.append(root);
  const asked = new URLSearchParams(location.search).get("code") ?? "";
  const kept = remembered();
  if (kept && (!asked || asked === kept.code)) enter(kept.code, "", kept);
  else ask(asked, "");
  return { show: () => {}, leave: () => root.remove() };

  /** The door.
   *
   * @param {string} code
   * @param {string} fault
   */
  function ask(code, fault) {
    const codeField = make("input", {
      id: "code",
      name: "code",
      required: true,
      value: code,
      maxlength: CODE,
      autocomplete: "off",
      autocapitalize: "characters",
      spellcheck: "false",
      pattern: `[A-Za-z0-9]{${CODE}}`,
      title: `The ${CODE} letters and digits on the board`,
    });
    const nameField = make("input", {
      id: "name",
      name: "name",
      maxlength: 24,
      autocomplete: "nickname",
      placeholder: "optional",
    });
    const form = make(
      "form",
      { class: "door" },
      make("h1", {}, "Join the room"),
      fault ? make("p", { role: "alert", class: "fault" }, fault) : null,
      make("label", { for: "code" }, "Code on the board"),
      codeField,
      make("label", { for: "name" }, "Your nickname"),
      nameField,
      make("button", { type: "submit" }, "Join"),
      make("p", { class: "quiet" }, "No account. What you do here is gone when the room closes."),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      enter(codeField.value.toUpperCase(), nameField.value, null);
    });
    root.replaceChildren(form);
    (code ? nameField : codeField).focus();
  }

  /** The room.
   *
   * @param {string} code
   * @param {string} name
   * @param {Kept | null} back a seat to come back to
   */
  function enter(code, name, back) {
    const room = new URL(`room/${code}/`, new URL(".", location.href));
    /** @type {SharedView | null} */
    let shared = null;
    /** @type {PersonalView | null} */
    let personal = null;
    /** @type {LessonView | null} */
    let lesson = null;
    /** @type {RunView[]} */
    let listed = [];
    let mine = back;
    let roams = false;

    const who = make("span", { class: "who" });
    const state = make("span", { class: "state quiet", role: "status" }, "Joining …");
    const timer = countdown();
    const place = make("div", { class: "bets", "aria-live": "polite" });
    const where = make("p", { class: "whose quiet" });
    const roam = make("button", { type: "button", class: "roam" });
    const walk = make("div", { class: "line" }, where, roam);
    const stage = make("div", { class: "watched" });
    const above = make("div", { class: "step-above" });
    const below = make("div", { class: "step-below" });
    const runs = make("ul", { class: "runs" });
    const training = make(
      "details",
      { class: "training" },
      make("summary", {}, "Train a draft"),
      trainForm((message) => connection.send(message)),
    );
    const trained = make("section", { hidden: true }, make("h2", {}, "Runs of this room"), runs);
    const leaders = make("ol", { class: "leaders", hidden: true });
    const question = make("input", {
      "aria-label": "Your question",
      maxlength: 300,
      placeholder: "Ask a question",
    });
    const form = make(
      "form",
      { class: "ask" },
      question,
      make("button", { type: "submit" }, "Ask"),
    );
    const said = make("p", { class: "said quiet", role: "status" });
    const signs = SIGNS.map(([sign, label]) => {
      const button = make("button", { type: "button" }, label);
      button.addEventListener("click", () => {
        connection.send({ do: "signal", sign });
        say("The presenter sees it.");
      });
      return button;
    });
    root.replaceChildren(
      make("header", {}, make("h1", {}, "AdaSPEC Studio"), who, state, timer.element),
      above,
      place,
      below,
      walk,
      stage,
      leaders,
      make("footer", {}, make("div", { class: "signs" }, ...signs), form, said, training, trained),
    );
    const watched = watch(stage, room, {
      loaded: () => {},
      moved: (step) => roams && connection.send({ do: "roam", step }),
    });
    const connection = connect(new URL("socket", room), () => hello(), {
      told,
      state: (now) => {
        state.textContent = now === "here" ? "" : "The connection is lost: coming back …";
        root.classList.toggle("away", now === "away");
      },
      over: (reason) => {
        if (mine) forget();
        ask(code, reason);
      },
    });

    function hello() {
      return { do: "join", name, seat: mine?.id ?? "", secret: mine?.secret ?? "" };
    }

    /** @param {Told} news */
    function told(news) {
      if (news.seat) {
        mine = { code, ...news.seat };
        remember(mine);
      }
      if (news.refused) say(news.refused);
      if (news.personal) personal = news.personal;
      if (news.shared) shared = news.shared;
      if (news.lesson !== undefined) lesson = news.lesson;
      if (news.runs) listed = news.runs;
      draw();
    }

    function draw() {
      if (!shared || !personal) return;
      const { name: called, vote, points } = personal;
      who.textContent =
        points === null ? called : `${called} · ${points} ${points === 1 ? "point" : "points"}`;
      timer.show(shared.timer);
      const step = JSON.stringify([lesson, shared.bet?.phase ?? null, !shared.bet]);
      if (above.dataset.drawn !== step) {
        above.dataset.drawn = step;
        const parts = lesson && lessonStep(lesson, shared.bet);
        above.replaceChildren(parts?.above ?? "");
        below.replaceChildren(parts?.below ?? "");
      }
      walk.hidden = stage.hidden = lesson !== null;
      training.hidden = !shared.training;
      trained.hidden = !listed.length;
      const text = JSON.stringify(listed);
      if (runs.dataset.drawn !== text) {
        runs.dataset.drawn = text;
        const stops = (/** @type {RunView} */ run) => run.seat === called;
        runs.replaceChildren(...runItems(listed, stops, (message) => connection.send(message)));
      }
      const drawn = JSON.stringify([shared.bet, vote]);
      if (place.dataset.drawn !== drawn) {
        place.dataset.drawn = drawn;
        place.replaceChildren(
          shared.bet
            ? betCard(shared.bet, {
                vote,
                choose: (option) => connection.send({ do: "vote", option }),
              })
            : "",
        );
      }
      leaders.hidden = !shared.leaders;
      leaders.replaceChildren(
        ...(shared.leaders ?? []).map((each) => make("li", {}, `${each.name}: ${each.number}`)),
      );
      stage.classList.toggle("follows", !roams);
      stage.inert = !roams;
      roam.textContent = roams ? "Back to the presenter" : "Look around";
      where.textContent = roams
        ? "You are looking around: every step is yours."
        : shared.board
          ? `You see ${shared.board.name}’s view.`
          : "You see what the presenter shows.";
      if (!roams) watched.show(shared.shown, shared.board?.number ?? shared.step);
    }

    roam.addEventListener("click", () => {
      roams = !roams;
      connection.send({ do: "roam", step: roams ? (shared?.step ?? 0) : null });
      draw();
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!question.value.trim()) return;
      connection.send({ do: "ask", text: question.value });
      question.value = "";
      say("Your question is with the presenter.");
    });

    /** @param {string} text */
    function say(text) {
      said.textContent = text;
    }
  }
}

/** @returns {Kept | null} */
function remembered() {
  try {
    return JSON.parse(sessionStorage.getItem(SEAT) ?? "null");
  } catch {
    return null; // a browser that keeps nothing
  }
}

/** @param {Kept} kept */
function remember(kept) {
  try {
    sessionStorage.setItem(SEAT, JSON.stringify(kept));
  } catch {
    // then who reloads the page has a new seat
  }
}

function forget() {
  try {
    sessionStorage.removeItem(SEAT);
  } catch {
    // nothing was kept
  }
}

export default component(seat);
