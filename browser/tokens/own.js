/** The viewer's own text, read in the viewer's browser and shown as a heatmap. */

/** @import { Mounted, OwnText, TokenState } from "../shared/types" */
/** @import { Read } from "../engine/worker.js" */

import { component } from "../shared/component.js";
import { make } from "../shared/dom.js";
import { localWork } from "../shared/local.js";
import { tokenHeatmap } from "./heatmap.js";
import { viewOf } from "./own_view.js";

/** @typedef {{ view: OwnText, state: TokenState }} Data */

/**
 * @param {HTMLElement} parent
 * @returns {Mounted<Data>}
 */
export function ownText(parent) {
  /** @type {Data} */
  let data;
  /** @type {(name: string, value: unknown) => void} */
  let report;

  /** @type {Parameters<typeof localWork<Read, null>>[0]} */
  const reading = {
    verb: "Read",
    doing: "Reading the text with all models.",
    prepare: async () => null,
    show(read) {
      shown.hidden = false;
      const view = viewOf(read, data.view);
      heatmap.show({ view, state: data.state }, (name, value) => report(name, value));
    },
    hide: () => (shown.hidden = true),
    kept: ({ rows }) => rows,
  };
  const work = localWork(reading);
  const shown = make("div", { hidden: true });
  parent.append(work.element, shown);
  const heatmap = tokenHeatmap(shown);

  /** @param {Data} next
   * @param {typeof report} reporter
   */
  function show(next, reporter) {
    [data, report] = [next, reporter];
    const { id, engine, clicks, prompt, response, new_tokens } = next.view;
    const request = { what: /** @type {const} */ ("read"), prompt, response, new_tokens };
    const total = prompt.length + response.length; // letters: at least as many as tokens
    work.ask({ id, engine, clicks, request, total }, reporter);
  }

  function leave() {
    work.leave();
    heatmap.leave();
    shown.remove();
  }

  return { show, leave };
}

export default component(ownText);
