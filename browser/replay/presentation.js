/** An element alone before an audience: over the whole page, large, and with its keys at work at once.
 *
 * A modal dialog does it: what is under it takes no keys, and Escape leaves. */

import { make } from "../shared/dom.js";
import { clamp } from "../shared/scale.js";

const DESIGNED = { width: 1100, height: 640 }; // pixels that are shown as large as they are
const LARGEST = 3;

/**
 * @param {HTMLElement} element
 * @param {(on: boolean) => void} changed
 */
export function presentation(element, changed) {
  const dialog = make("dialog", { class: "presented", "aria-label": "Presentation" });
  const place = document.createComment("presented");

  function enter() {
    if (dialog.open) return;
    element.replaceWith(place);
    place.after(dialog);
    dialog.append(element);
    element.autofocus = true; // else the first button is, and takes the space bar
    dialog.showModal();
    addEventListener("resize", fit);
    document.addEventListener("fullscreenchange", windowed);
    fit();
    changed(true);
  }

  function leave() {
    if (!dialog.open) return;
    dialog.close();
    removeEventListener("resize", fit);
    document.removeEventListener("fullscreenchange", windowed);
    element.autofocus = false;
    element.style.zoom = "";
    place.replaceWith(element);
    dialog.remove();
    if (document.fullscreenElement) void document.exitFullscreen();
    changed(false);
  }

  function fit() {
    const { width, height } = DESIGNED;
    const zoom = clamp(Math.min(innerWidth / width, innerHeight / height), 1, LARGEST);
    element.style.zoom = String(zoom);
  }

  /* The browser's own Escape leaves the full screen, and tells the page of nothing else. */
  function windowed() {
    if (!document.fullscreenElement) leave();
  }

  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    leave();
  });

  /** Over the whole screen, where the browser lets the page: only who presses something can ask. */
  async function full() {
    try {
      await document.documentElement.requestFullscreen();
    } catch {
      // over the whole window, then
    }
    enter();
  }

  return { enter, full, leave, on: () => dialog.open };
}
