/** Tells the viewer that a run has ended, by a notification of the browser's.
 *
 * It is asked for by a button and never by itself. Which runs are watched is kept for as long as the
 * tab is open; the server only says which runs are at work. */

/** @import { Mounted } from "../shared/types" */

import { component } from "../shared/component.js";
import { make } from "../shared/dom.js";

/**
 * @typedef {{ id: string, name: string, word: string, live: boolean }} Run
 * @typedef {{ shown: string, runs: Run[] }} Data `shown` is the id of the run that is open
 */

const KEPT = "adaspec-watched";

/** @returns {string[]} ids */
function watched() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "[]");
    return Array.isArray(kept) ? kept.map(String) : [];
  } catch {
    return [];
  }
}

/** @param {string[]} ids */
function watch(ids) {
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(ids));
  } catch {
    // A browser that keeps nothing forgets it when the page is left.
  }
}

/**
 * @param {HTMLElement} parent
 * @returns {Mounted<Data>}
 */
function notice(parent) {
  const button = make("button", { type: "button", class: "notice" });
  const told = make("span", { class: "notice-told", role: "status" });
  const row = make("div", { class: "notice-row" }, button, told);
  parent.append(row);
  let shown = "";

  function draw() {
    const on = watched().includes(shown);
    button.setAttribute("aria-pressed", String(on));
    button.textContent = on ? "You will be told when it ends" : "Tell me when it ends";
  }

  button.addEventListener("click", async () => {
    const others = watched().filter((id) => id !== shown);
    told.textContent = "";
    if (others.length < watched().length) watch(others);
    else if (!("Notification" in window)) told.textContent = "This browser has no notifications.";
    else if ((await Notification.requestPermission()) === "granted") watch([...others, shown]);
    else told.textContent = "The browser does not allow it: see the settings of this site.";
    draw();
  });

  /** @param {Data} data */
  function show(data) {
    shown = data.shown;
    const ended = data.runs.filter((run) => !run.live && watched().includes(run.id));
    watch(watched().filter((id) => !ended.some((run) => run.id === id)));
    for (const run of ended) {
      const note = new Notification(`${run.name}: ${run.word}`, {
        tag: run.id,
        body: "AdaSPEC Studio",
      });
      note.addEventListener("click", () => window.focus());
    }
    row.hidden = !data.runs.some((run) => run.id === shown && run.live);
    draw();
  }

  return { show, leave: () => row.remove() };
}

export default component(notice);
