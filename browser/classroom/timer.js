/** A countdown that everybody sees: until a time, by this machine's clock. */

import { make } from "../shared/dom.js";

export function countdown() {
  const element = make("output", { class: "timer", hidden: true, "aria-label": "Time left" });
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let ticking;

  /** @param {number | null} until seconds since 1970 */
  function show(until) {
    clearInterval(ticking);
    element.hidden = until === null;
    if (until === null) return;
    const tick = () => {
      const left = Math.max(0, Math.ceil(until - Date.now() / 1000));
      element.textContent = left ? timeOf(left) : "Time is up";
      element.classList.toggle("over", !left);
    };
    tick();
    ticking = setInterval(tick, 250);
  }

  return { element, show };
}

/** @param {number} seconds */
export function timeOf(seconds) {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
