/** Drafts side by side on one prompt, a column a draft, in step.
 *
 * `free`: a row a round of each draft's own decoding; the texts part where the uniforms fall out
 * differently. `forced`: a row a token of the target's recorded text, the same for every draft.
 * What two drafts decide differently is marked, counted and can be jumped to. The server hears of the
 * row reached and of the two drafts when they have rested. */

/** @import { LanesState, LanesView, Mounted } from "../shared/types" */
/** @import { Mode } from "./lane_modes" */
/** @import { Disagreement } from "./rounds" */

import { component } from "../shared/component.js";
import { make } from "../shared/dom.js";
import { pieceOf, spelled } from "../shared/glyphs.js";
import { whenRested } from "../shared/rest.js";
import { clamp } from "../shared/scale.js";
import { term } from "../shared/term.js";
import { readForced, readFree } from "./lane_modes.js";
import { called } from "./look.js";

const EXPLAINED = {
  free:
    "Every draft decodes by itself, with the same uniforms. ✓ accepted, ✕ rejected and struck, ↻ the " +
    "target's own in its place, + bonus, faint: not tested. A bar before a token: from there on the " +
    "text is another than the baseline's.",
  forced:
    "Every draft meets the text that the target wrote, token by token. Bar and number: min(1, q/p), the " +
    "probability that a proposal of this draft is accepted given that this token comes; β before " +
    "the token is known. ✓ kept: u < min(1, q/p), with the place's test uniform u of the replays.",
};

/** @type {Record<string, number>} rows */
const WAYS = {
  ArrowDown: 1,
  ArrowRight: 1,
  ArrowUp: -1,
  ArrowLeft: -1,
  PageDown: 5,
  PageUp: -5,
  Home: -1e9,
  End: 1e9,
};

/** @typedef {{ view: LanesView, state: LanesState }} Data */

/**
 * @param {HTMLElement} parent
 * @returns {Mounted<Data>}
 */
function lanes(parent) {
  const root = make("div", { class: "lanes" });
  parent.append(root);
  /** @type {string | null} the view's id */
  let shown = null;
  /** @type {(state: LanesState & { of: string | null }) => void} */
  let report;
  const { ask, forget } = whenRested((/** @type {LanesState} */ state) =>
    report({ ...state, of: shown }),
  );

  /**
   * @param {LanesView} view
   * @param {LanesState} given
   * @param {typeof report} reporter
   */
  function show(view, given, reporter) {
    report = reporter;
    if (view.id === shown) return;
    shown = view.id;
    build(view, given, view.mode === "free" ? readFree(view) : readForced(view));
    forget(); // the server knows what it gave
  }

  function leave() {
    forget();
    root.remove();
  }

  /**
   * @param {LanesView} view
   * @param {LanesState} given
   * @param {Mode} mode
   */
  function build(view, given, mode) {
    const keys = Object.keys(view.lanes);
    const scores = keys.map(() => [make("strong"), make("span", { class: "faint" })]);
    const rows = Array.from({ length: view.rows }, (_, row) =>
      make(
        "tr",
        { "data-row": row },
        make("th", { scope: "row" }, String(row + 1)),
        ...mode.left(row),
        ...keys.map((key) => {
          const cell = mode.cell(key, row);
          cell.dataset.draft = key;
          return cell;
        }),
      ),
    );
    const table = make(
      "div",
      {
        class: "scroll",
        tabindex: "0",
        role: "region",
        "aria-label": "Lanes, a column a draft. Arrow keys step.",
      },
      make(
        "table",
        { class: view.mode },
        make(
          "thead",
          {},
          make(
            "tr",
            {},
            make("th", { scope: "col" }, term("#", `Number of the ${mode.unit}.`)),
            ...mode.head.map(([name, help]) => make("th", { scope: "col" }, term(name, help))),
            ...keys.map((key, at) =>
              make("th", { scope: "col", class: "lane" }, called(view.looks[key]), ...scores[at]),
            ),
          ),
        ),
        make("tbody", {}, ...rows),
      ),
    );
    const slider = make("input", {
      type: "range",
      min: 1,
      max: view.rows,
      value: view.rows,
      "aria-label": `${mode.unit} shown last`,
    });
    const status = make("span", { class: "told", "aria-live": "polite" });
    /**
     * @param {string} text
     * @param {string} name
     * @param {() => void} act
     */
    const button = (text, name, act) => {
      const element = make("button", { type: "button", "aria-label": name, title: name }, text);
      element.addEventListener("click", act);
      return element;
    };
    let at = (given.at ?? view.rows) - 1;
    /** @type {Disagreement[]} */
    let differences = [];
    let jumped = -1;

    /**
     * @param {number} next
     * @param {boolean} [follow]
     */
    function go(next, follow = true) {
      at = clamp(next, 0, view.rows - 1);
      slider.value = String(at + 1);
      rows.forEach((row, number) => {
        row.classList.toggle("later", number > at);
        row.classList.toggle("now", number === at);
      });
      keys.forEach((key, lane) =>
        mode.score(key, at).forEach((text, part) => (scores[lane][part].textContent = text)),
      );
      status.textContent = `${mode.unit} ${at + 1} of ${view.rows}`;
      if (follow) reveal(rows[at]);
      changed();
    }

    /** @param {HTMLElement} row */
    function reveal(row) {
      const head = table.querySelector("thead")?.offsetHeight ?? 0;
      if (row.offsetTop - head < table.scrollTop) table.scrollTop = row.offsetTop - head;
      const bottom = row.offsetTop + row.offsetHeight;
      if (bottom > table.scrollTop + table.clientHeight)
        table.scrollTop = bottom - table.clientHeight;
    }

    const pick = (/** @type {string} */ name, /** @type {string} */ chosen) =>
      make(
        "select",
        { "aria-label": name },
        ...keys.map((key) =>
          make("option", { value: key, selected: key === chosen }, view.looks[key].label),
        ),
      );
    const usual = [keys.filter((key) => key !== view.baseline).at(-1) ?? keys[0], view.baseline];
    const versus = given.versus ?? usual;
    const [a, b] = [pick("First draft", versus[0]), pick("Second draft", versus[1])];
    const count = make("span", { class: "count" });

    /* As app/compare/lanes.py has it: null is what a viewer finds. */
    function changed() {
      /** @type {[string, string]} */
      const two = [a.value, b.value];
      ask({
        at: at === view.rows - 1 ? null : at + 1,
        versus: two.every((key, position) => key === usual[position]) ? null : two,
      });
    }

    function compareTwo() {
      differences = a.value === b.value ? [] : mode.versus(a.value, b.value);
      jumped = -1;
      for (const cell of table.querySelectorAll(".versus")) cell.classList.remove("versus");
      for (const { position } of differences) {
        for (const key of [a.value, b.value]) {
          for (const mark of marksAt(key, position)) mark.classList.add("versus");
        }
      }
      const kept = differences.filter(({ keeps }) => keeps === a.value).length;
      const [first, second] = [a, b].map((select) => view.looks[select.value].label);
      count.textContent = `${first} accepts, ${second} rejects: ${kept} · ${second} accepts, ${first} rejects: ${differences.length - kept}`;
      changed();
    }

    /** What a draft decided in this place of the text.
     *
     * @param {string} key
     * @param {number} position
     */
    function marksAt(key, position) {
      const marks = [...table.querySelectorAll(`[data-place="${position}"]`)];
      return marks.filter(
        (mark) =>
          mark.closest("td")?.dataset.draft === key &&
          (view.mode === "forced" || mark.matches(".accepted, .rejected")),
      );
    }

    /** @param {1 | -1 | 0} step */
    function jump(step) {
      if (differences.length === 0) return;
      jumped = (jumped + step + differences.length) % differences.length;
      if (jumped < 0) jumped += differences.length;
      const { rows: there, position, keeps } = differences[jumped];
      go(Math.max(...there));
      status.textContent = `difference ${jumped + 1} of ${differences.length}: text place ${position + 1}, ${view.looks[keeps].label} accepts`;
      for (const mark of table.querySelectorAll(".here")) mark.classList.remove("here");
      for (const key of [a.value, b.value])
        for (const mark of marksAt(key, position)) mark.classList.add("here");
    }

    table.addEventListener("keydown", (event) => {
      if (WAYS[event.key] === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation(); // Streamlit has keys of its own
      go(at + WAYS[event.key]);
    });
    slider.addEventListener("input", () => go(slider.valueAsNumber - 1));
    for (const select of [a, b]) select.addEventListener("change", compareTwo);

    const prompt = make(
      "p",
      { class: "prompt", tabindex: "0", role: "region", "aria-label": "Prompt" },
      ...view.prompt.map((id) => spelled(pieceOf(view.vocabulary, id))),
    );
    root.replaceChildren(
      make("p", { class: "faint" }, EXPLAINED[view.mode]),
      make("div", { class: "row" }, make("span", { class: "faint" }, "Prompt"), prompt),
      make(
        "div",
        { class: "row" },
        button("|◀", "First", () => go(0)),
        button("◀", "Back", () => go(at - 1)),
        button("▶", "Forward", () => go(at + 1)),
        button("▶|", "All", () => go(view.rows - 1)),
        slider,
        status,
      ),
      make(
        "div",
        { class: "row" },
        a,
        make("span", {}, "against"),
        b,
        count,
        button("◀ difference", "Previous difference", () => jump(jumped < 0 ? 0 : -1)),
        button("difference ▶", "Next difference", () => jump(1)),
      ),
      table,
    );
    compareTwo();
    go(at, given.at !== null);
  }

  return {
    show: ({ view, state }, setStateValue) =>
      show(view, state, (left) => setStateValue("state", left)),
    leave,
  };
}

export default component(lanes);
