/** A component of another page inside a step, or the lab. */

/** @import { Exhibit } from "../shared/types" */

import filterLab from "../filter/lab.js";
import player from "../replay/player.js";
import { make } from "../shared/dom.js";
import heatmap from "../tokens/heatmap.js";
import { lab } from "./lab.js";

const COMPONENTS = { filter: filterLab, player, heatmap };

/** Shows it; call what comes back to take it away.
 *
 * @param {HTMLElement} parent
 * @param {Exhibit} exhibit
 * @returns {() => void}
 */
export function exhibit(parent, { kind, data }) {
  if (kind === "lab") {
    const { element, leave } = lab(data.rows);
    parent.append(make("div", { class: "learn" }, element));
    return leave;
  }
  const box = make("div", {});
  parent.append(box);
  const shown = /** @type {any} */ (data);
  return COMPONENTS[kind]({ data: shown, parentElement: box, setStateValue: () => {} });
}
