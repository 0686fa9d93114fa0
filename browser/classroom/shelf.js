/** What a lesson's step exhibits: a component of another page, or the lab, which clicks on by itself. */

/** @import { Exhibit } from "../shared/types" */

import { exhibit } from "../learn/exhibit.js";
import { lab } from "../learn/lab.js";
import { make } from "../shared/dom.js";

/** @param {URL} room */
export function exhibitShelf(room) {
  const element = make("div", { class: "shelf" });
  let wanted = "";
  /** @type {(() => void) | null} */
  let leave = null;
  /** @type {ReturnType<typeof lab> | null} */
  let trial = null;

  /** @param {string} step whose exhibit is shown; empty: none */
  async function show(step) {
    if (step === wanted) return;
    wanted = step;
    leave?.();
    leave = trial = null;
    element.replaceChildren();
    if (!step) return;
    const address = new URL("exhibit", room);
    address.search = String(new URLSearchParams({ step }));
    const answer = await fetch(address).catch(() => null);
    /** @type {Exhibit | null} */
    const there = answer?.ok ? await answer.json() : null;
    if (wanted !== step || !there) return;
    if (there.kind === "lab") {
      trial = lab(there.data.rows);
      leave = trial.leave;
      element.append(make("div", { class: "learn" }, trial.element));
    } else leave = exhibit(element, there);
    element.dispatchEvent(new Event("shown"));
  }

  return {
    element,
    show,
    /** What `goOn` does here, in words; null where there is nothing to go through. */
    next: () => trial?.next() ?? null,
    goOn: () => trial?.goOn(),
  };
}
