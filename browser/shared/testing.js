/** What several tests need. */

import { JSDOM } from "jsdom";

/** An empty page for the tests that make elements: `document` and `window` are its own from here on. */
export function openPage() {
  const { window } = new JSDOM("<!doctype html><main></main>");
  const { document } = window;
  Object.assign(globalThis, { window, document });
  return /** @type {HTMLElement} */ (document.querySelector("main"));
}

/** The text of what a function gives: elements and strings alike.
 *
 * @param {(string | Node | number | null)[]} parts
 */
export function textOf(parts) {
  return parts.map((part) => (part instanceof Object ? part.textContent : (part ?? ""))).join("");
}

/** A column as Python packs it.
 *
 * @param {number[]} values
 * @param {import("./types").Packed["type"]} [type]
 * @returns {import("./types").Packed}
 */
export function packed(values, type = "f4") {
  const array = { f4: Float32Array, u4: Uint32Array, u2: Uint16Array, u1: Uint8Array }[type];
  return { type, base64: Buffer.from(array.from(values).buffer).toString("base64") };
}
