/* Numbers and drafts in writing, for the comparison and its lanes. */

import { make } from "../shared/dom.js";

export function minus(text) {
  return text.replaceAll("-", "−");
}

export function fixed(value, digits) {
  return Number.isFinite(value) ? minus(value.toFixed(digits)) : "–";
}

const GROUPS = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

export function amount(value) {
  return Number.isFinite(value) ? GROUPS.format(value) : "–";
}

export function share(part, whole) {
  return whole ? `${((100 * part) / whole).toFixed(1)} %` : "–";
}

/* `alpha.tested` of {alpha: {tested}}. */
export function field(row, name) {
  return name.split(".").reduce((inner, part) => inner?.[part], row);
}

/* A draft's sign and name. */
export function called(look, attributes = {}) {
  const glyph = make("i", { class: "glyph", "aria-hidden": "true" }, look.glyph);
  const element = make("span", { ...attributes, class: "draft" }, glyph, look.label);
  element.style.setProperty("--c", look.colour);
  return element;
}
