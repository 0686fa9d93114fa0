/** A figure of Plotly's in the page's colours; one that has changed is drawn again in its place. */

/** @import { Mounted } from "../shared/types" */

import { component } from "../shared/component.js";
import { make } from "../shared/dom.js";

/**
 * @typedef {{ data: object[], layout: { height: number } }} Figure
 * @typedef {{ figure: Figure, label: string, library: string }} Data `library` is the address of
 *   `plotly.js`
 */

const OPTIONS = { displayModeBar: false, responsive: true };

/**
 * @param {HTMLElement} parent
 * @param {Data} first
 * @returns {Mounted<Data>}
 */
function figure(parent, first) {
  const root = make("div", { class: "run-figure", role: "img" });
  parent.append(root);
  /** @type {Promise<{ default: any }>} */
  const library = import(new URL(first.library, location.href).href);
  let drawn = "";

  /** @param {Data} data */
  async function show({ figure: { data, layout }, label }) {
    root.setAttribute("aria-label", label);
    root.style.minHeight = `${layout.height}px`; // nothing moves when it comes
    const wanted = JSON.stringify([data, layout]);
    if (wanted === drawn) return;
    drawn = wanted;
    const { default: plotly } = await library;
    if (root.isConnected && wanted === drawn) plotly.react(root, data, layout, OPTIONS);
  }

  function leave() {
    root.remove();
    void library.then(({ default: plotly }) => plotly.purge(root));
  }

  return { show: (data) => void show(data), leave };
}

export default component(figure);
