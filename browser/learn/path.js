/** The guided path: a step at a time. First its idea, then a bet, then what really happened, then a
 * question. Every answer is kept by the browser.
 *
 * It has the words of all steps; the server hears which step is looked at, and sends what that step
 * exhibits. */

/** @import { Answer, Bet, Exhibit, LearnView, Mounted } from "../shared/types" */

import { component } from "../shared/component.js";
import { make } from "../shared/dom.js";
import { clamp } from "../shared/scale.js";
import { drawn, words } from "./blocks.js";
import { exhibit } from "./exhibit.js";
import { keepProgress, readProgress } from "./progress.js";

const LOOKED = ""; // the bet of whoever made none
const EDITED = "input, select, textarea";
const KEYS = [
  ["← →", "the step before, the next step"],
  ["1 … 9", "choose an answer"],
  ["Page Down", "go on: show the answer, then the next step (a clicker's key)"],
  ["Page Up", "go back a step"],
];

/** `turn` is the last that the server has heard of.
 *
 * @typedef {{ view: LearnView, step: number | null, turn: number, exhibit: Exhibit | null }} Data */

/**
 * @param {HTMLElement} parent
 * @returns {Mounted<Data>}
 */
function learnPath(parent) {
  // The exhibit has styles of its own: it stands between what is `learn`, not in it.
  const root = make("section", { class: "path", "aria-label": "The path" });
  parent.append(root);
  const progress = readProgress();
  const stage = make("div", { class: "exhibit" });
  /** @type {LearnView} */
  let view;
  /** @type {Exhibit | null} */
  let sent = null;
  /** @type {(name: string, value: unknown) => void} */
  let report;
  let at = 0; // number of the step, from 1
  let turn = 0; // of the learner, from step to step
  /** @type {(() => void) | null} takes the exhibit away */
  let leaveExhibit = null;

  /** @param {Data} data */
  function show(data) {
    const first = view === undefined;
    view = data.view;
    sent = data.exhibit;
    if (first) {
      turn = data.turn;
      go(data.step ?? clamp(progress.at, 1, view.steps.length));
      if (data.step === null) tell();
    } else if (data.step !== null && data.turn >= turn) {
      go(data.step); // a link, or the browser's Back: what is late has an earlier turn
    }
    exhibited();
  }

  /* Where one is. */

  const step = () => view.steps[at - 1];
  const mark = () => (progress.steps[step().id] ??= {});
  const isShown = () => mark().bet !== undefined;
  const isAnswered = () => step().answers.some(({ id, right }) => right && id === mark().answer);

  /** @param {number} next */
  function turnTo(next) {
    if (next < 1 || next > view.steps.length || next === at) return;
    go(next);
    tell();
    root.scrollIntoView({ block: "start" });
    root.querySelector("h2")?.focus({ preventScroll: true });
  }

  function tell() {
    turn += 1;
    report("step", { at, turn });
  }

  /** @param {number} next */
  function go(next) {
    if (next === at) return;
    leaveExhibit?.();
    leaveExhibit = null;
    stage.replaceChildren();
    at = next;
    progress.at = at;
    keepProgress(progress);
    build();
  }

  /** On as a clicker goes: the answer, then the question's, then the next step. */
  function on() {
    if (!isShown()) bet(LOOKED);
    else if (!isAnswered()) answer(rightOf(step().answers));
    else turnTo(at + 1);
  }

  /** @param {string} id */
  function bet(id) {
    if (isShown()) return;
    mark().bet = id;
    keepProgress(progress);
    build();
    exhibited();
    const happened = /** @type {HTMLElement} */ (root.querySelector(".outcome"));
    happened.scrollIntoView({ block: "start" });
    happened.focus({ preventScroll: true });
  }

  /** @param {string} id */
  function answer(id) {
    mark().answer = id;
    keepProgress(progress);
    const asked = /** @type {HTMLElement} */ (root.querySelector(".question"));
    asked.replaceWith(question());
    root.querySelector("footer")?.replaceWith(foot());
    root.querySelector("nav")?.replaceWith(steps());
    const now = /** @type {HTMLElement} */ (root.querySelector(".question"));
    now.scrollIntoView({ block: "nearest" });
    /** @type {HTMLElement | null} */ (now.querySelector(".chosen"))?.focus({
      preventScroll: true,
    });
  }

  function forget() {
    progress.steps = {};
    keepProgress(progress);
    build();
  }

  /** The exhibit, once the bet is made and the server has sent it. */
  function exhibited() {
    if (!isShown() || leaveExhibit || sent?.of !== at) return;
    leaveExhibit = exhibit(stage, sent);
  }

  /* What there is to see. */

  function build() {
    if (!isShown()) {
      leaveExhibit?.();
      leaveExhibit = null;
      stage.replaceChildren();
    }
    const { title, idea, given: before, material } = step();
    const { look, link } = step();
    const above = make(
      "div",
      { class: "learn" },
      steps(),
      make("h2", { tabindex: -1 }, `${at}. ${title}`),
      make(
        "div",
        { class: "opening" },
        make("p", { class: "idea" }, ...words(idea, view.terms)),
        make(
          "div",
          { class: "seen" },
          make("p", { class: "quiet" }, before),
          make("div", { class: "material" }, ...material.map(drawn)),
        ),
        prediction(),
      ),
      isShown() ? outcome() : null,
    );
    const below = make("div", { class: "learn" });
    if (isShown())
      below.append(make("p", {}, make("a", { href: link }, `${look}\u00a0→`)), question());
    below.append(foot());
    root.replaceChildren(above, stage, below);
  }

  function steps() {
    const list = view.steps.map(({ id, title, answers }, number) => {
      const { bet: made, answer: chosen } = progress.steps[id] ?? {};
      const done = made !== undefined && chosen === rightOf(answers);
      const button = make(
        "button",
        {
          type: "button",
          class: done ? "done" : "",
          title: `${number + 1}. ${title}${done ? ": done" : ""}`,
          "aria-current": number + 1 === at ? "step" : undefined,
        },
        done ? "✓" : number + 1,
      );
      button.addEventListener("click", () => turnTo(number + 1));
      return make("li", {}, button);
    });
    return make("nav", { "aria-label": "Steps" }, make("ol", {}, ...list));
  }

  function prediction() {
    const { ask, options, right } = step();
    const made = mark().bet;
    const shown = made !== undefined;
    const buttons = options.map((option) =>
      choice(option, {
        chosen: option.id === made,
        right: shown && option.id === right,
        open: !shown,
        choose: () => bet(option.id),
      }),
    );
    const skip = make("button", { type: "button", class: "plain" }, "Show me without a bet");
    skip.addEventListener("click", () => bet(LOOKED));
    return make(
      "section",
      { class: "prediction", "aria-label": "Your bet" },
      make("h3", {}, "Your bet"),
      make("p", {}, ask),
      make("div", { class: "options" }, ...buttons),
      shown ? null : make("p", {}, skip),
    );
  }

  function outcome() {
    const { shown, outcome: blocks } = step();
    return make(
      "section",
      { class: "outcome", tabindex: -1, "aria-label": "What happened" },
      make("h3", {}, "What happened"),
      make("p", { class: "reply" }, reply(), ...words(shown, view.terms)),
      make("div", { class: "material" }, ...blocks.map(drawn)),
    );
  }

  /** What is said to the bet: nothing of right and wrong. */
  function reply() {
    const { options, right } = step();
    const made = options.find(({ id }) => id === mark().bet);
    if (!made) return "";
    return made.id === right ? "As you thought. " : "It went another way. ";
  }

  function question() {
    const { question: ask, answers } = step();
    const chosen = answers.find(({ id }) => id === mark().answer);
    const buttons = answers.map((option) =>
      choice(option, {
        chosen: option === chosen,
        right: option === chosen && option.right,
        open: !chosen?.right,
        choose: () => answer(option.id),
      }),
    );
    return make(
      "section",
      { class: "question", "aria-label": "A question" },
      make("h3", {}, "A question"),
      make("p", {}, ask),
      make("div", { class: "options" }, ...buttons),
      make("p", { class: "reply", role: "status", "aria-live": "polite" }, chosen?.says ?? ""),
    );
  }

  /**
   * @param {Bet} option
   * @param {{ chosen: boolean, right: boolean, open: boolean, choose: () => void }} how
   */
  function choice({ text }, { chosen, right, open, choose }) {
    const button = make(
      "button",
      {
        type: "button",
        class: `option ${right ? "right" : ""} ${chosen ? "chosen" : ""}`,
        "aria-pressed": String(chosen),
        "aria-disabled": String(!open),
      },
      right ? make("b", { "aria-label": "this is so" }, "✓ ") : null,
      text,
    );
    button.addEventListener("click", () => open && choose());
    return button;
  }

  function foot() {
    const link = (/** @type {string} */ label, /** @type {number} */ to) => {
      const there = view.steps[to - 1];
      if (!there) return make("span", {});
      const button = make("button", { type: "button" }, label);
      button.title = `${to}. ${there.title}`;
      button.addEventListener("click", () => turnTo(to));
      return button;
    };
    const last = at === view.steps.length && isShown() && isAnswered();
    const again = make("button", { type: "button", class: "plain" }, "Forget my answers");
    again.addEventListener("click", forget);
    const keys = KEYS.flatMap(([key, does]) => [make("dt", {}, key), make("dd", {}, does)]);
    return make(
      "footer",
      {},
      last ? end() : null,
      make("div", { class: "turn" }, link("← Previous step", at - 1), link("Next step →", at + 1)),
      make(
        "div",
        { class: "more" },
        make("details", {}, make("summary", {}, "Keys"), make("dl", {}, ...keys)),
        again,
      ),
    );
  }

  function end() {
    const doors = view.onward.map(({ text, link }) =>
      make("li", {}, make("a", { href: link }, `${text}\u00a0→`)),
    );
    return make("div", { class: "end" }, make("p", {}, view.end), make("ul", {}, ...doors));
  }

  /* Keys. */

  /** @param {KeyboardEvent} event */
  function press(event) {
    const { key } = event;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const inside = event.composedPath();
    const target = /** @type {Element} */ (inside[0]);
    if (inside.includes(stage) || target.matches?.(EDITED)) return;
    if (!act(key)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {string} key */
  function act(key) {
    if (/^[1-9]$/.test(key)) return pick(Number(key) - 1);
    if (key === "ArrowRight") turnTo(at + 1);
    else if (key === "ArrowLeft" || key === "PageUp") turnTo(at - 1);
    else if (key === "PageDown") on();
    else return false;
    return true;
  }

  /** @param {number} number of an option, of the bet or else of the question */
  function pick(number) {
    const { options, answers } = step();
    const option = (isShown() ? answers : options)[number];
    if (!option || (isShown() && isAnswered())) return false;
    if (isShown()) answer(option.id);
    else bet(option.id);
    return true;
  }

  document.addEventListener("keydown", press);

  return {
    show(data, setStateValue) {
      report = setStateValue;
      show(data);
    },
    leave() {
      document.removeEventListener("keydown", press);
      leaveExhibit?.();
      root.remove();
    },
  };
}

/** @param {Answer[]} answers */
const rightOf = (answers) => /** @type {Answer} */ (answers.find(({ right }) => right)).id;

export default component(learnPath);
