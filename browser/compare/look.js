/** Drafts in writing, and fields of their rows. */

/** @import { Attributes } from "../shared/dom" */
/** @import { Look } from "../shared/types" */

import { make } from "../shared/dom.js";

/** A draft's sign and name.
 *
 * @param {Look} look
 * @param {Attributes} [attributes]
 */
export function called(look, attributes = {}) {
  const glyph = make("i", { class: "glyph", "aria-hidden": "true" }, look.glyph);
  const element = make("span", { ...attributes, class: "draft" }, glyph, look.label);
  element.style.setProperty("--c", look.colour);
  return element;
}

/** `alpha.tested` of {alpha: {tested}}.
 *
 * @param {object} row
 * @param {string} name
 * @returns {any} what the report has there, undefined where it has nothing
 */
export function field(row, name) {
  return name.split(".").reduce((/** @type {any} */ inner, part) => inner?.[part], row);
}
