/* Elements. Text goes in as text nodes only: nothing a token says is ever parsed. */

function make(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function draw(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/* A token, spelled, in an element of its own. */
function spelled(piece, attributes = {}) {
  const element = make("span", { ...attributes, class: `piece ${attributes.class ?? ""}` });
  spell(element, piece);
  return element;
}

const idle = window.requestIdleCallback ?? ((work) => setTimeout(() => work(RUSH), 16));
const RUSH = { timeRemaining: () => 8 }; // where the browser does not say when it is idle

/* `act`, with what it was last asked with, once nothing has asked for a while. */
function whenRested(act) {
  let due = null;
  const forget = () => clearTimeout(due);
  const ask = (...given) => {
    forget();
    due = setTimeout(() => act(...given), 400);
  };
  return { ask, forget };
}
