/** Elements. Text goes in as text nodes only: nothing a token says is ever parsed. */

/**
 * @typedef {Record<string, string | number | boolean | undefined>} Attributes undefined and false
 *   leave an attribute out
 * @typedef {Node | string | number | null} Child null leaves a child out
 */

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} [attributes]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, ...children);
}

/**
 * @param {string} label
 * @param {() => void} act
 * @param {string} [name] its class
 */
export function button(label, act, name) {
  const element = make("button", { type: "button", class: name }, label);
  element.addEventListener("click", act);
  return element;
}

/**
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} [attributes]
 * @param {...Child} children
 * @returns {SVGElementTagNameMap[Tag]}
 */
export function draw(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, ...children);
}

/**
 * @template {Element} E
 * @param {E} element
 * @param {Attributes} attributes
 * @param {...Child} children
 */
export function fill(element, attributes, ...children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) element.setAttribute(name, String(value));
  }
  element.append(...children.filter((child) => child !== null).map(nodeOf));
  return element;
}

/** @param {Node | string | number} child */
const nodeOf = (child) => (typeof child === "number" ? String(child) : child);
