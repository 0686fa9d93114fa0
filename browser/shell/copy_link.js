/** Copies the page's address, which says what is shown. */

/** @import { Mounted } from "../shared/types" */

import { component } from "../shared/component.js";
import { make } from "../shared/dom.js";

const SAID = 2000; // milliseconds that it says so

/**
 * @param {HTMLElement} parent
 * @returns {Mounted<null>}
 */
function copyLink(parent) {
  const button = make("button", { type: "button", class: "copy-link" }, "Copy link");
  const field = make("input", { class: "copy-link-address", "aria-label": "Link", readonly: true });
  field.hidden = true;
  const row = make("div", { class: "copy-link-row", "aria-live": "polite" }, field, button);
  parent.append(row);
  button.addEventListener("click", async () => {
    const { href } = location;
    try {
      await navigator.clipboard.writeText(href);
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy link"), SAID);
    } catch {
      // Browsers refuse it to pages without HTTPS: then it can be copied by hand.
      field.hidden = !field.hidden;
      field.value = href;
      field.select();
    }
  });
  return { show: () => {}, leave: () => row.remove() };
}

export default component(copyLink);
