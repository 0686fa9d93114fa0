/** Dotted words open their definition by click, touch and key; what else has a title, by touch. */

import { make } from "./dom.js";

const GAP = 4; // pixels between a word and its definition
const EDGE = 8; // pixels that a definition keeps from the window's edge
const OWN = "button, a, select, input, textarea, summary, label, [tabindex], [role]"; // do other things

/** A word and its definition.
 *
 * @param {string} word
 * @param {string} definition
 */
export function term(word, definition) {
  const button = make("button", { type: "button", class: "term", title: definition }, word);
  button.addEventListener("click", () => open(button));
  return button;
}

/** Titles are for a mouse that rests. Touched or clicked, an element shows its own as well.
 *
 * @param {HTMLElement} root
 * @returns {() => void} what ends it
 */
export function openTitles(root) {
  const clicked = (/** @type {MouseEvent} */ { target }) => {
    if (!(target instanceof Element)) return;
    const element = target.closest("[title]");
    const other = target.closest(OWN);
    if (!(element instanceof HTMLElement) || other?.closest("[title]") === element) return;
    if (!other || other.contains(element)) open(element);
  };
  root.addEventListener("click", clicked);
  return () => root.removeEventListener("click", clicked);
}

/** @param {HTMLElement} element */
function open(element) {
  const box = make("div", { class: "definition", popover: "auto", role: "note" }, element.title);
  element.after(box);
  box.showPopover();
  place(box, element.getBoundingClientRect());
  const close = () => box.hidePopover();
  addEventListener("scroll", close, { capture: true, once: true });
  box.addEventListener("toggle", () => {
    if (box.matches(":popover-open")) return;
    removeEventListener("scroll", close, { capture: true });
    box.remove();
  });
}

/** Under the word, or above it where there is no room.
 *
 * @param {HTMLElement} box
 * @param {DOMRect} word
 */
function place(box, word) {
  const { width, height } = box.getBoundingClientRect();
  const below = word.bottom + GAP;
  const top = below + height > innerHeight - EDGE ? word.top - GAP - height : below;
  const left = Math.min(word.left, innerWidth - EDGE - width);
  box.style.top = `${Math.max(EDGE, top)}px`;
  box.style.left = `${Math.max(EDGE, left)}px`;
}
