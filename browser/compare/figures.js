/** The figures of a report from disk, as Python declares them: Vega draws them, which such a page
 * holds beside its component. */

/** @import { Chart } from "../shared/types" */

import { make } from "../shared/dom.js";

// Without eval, which the page's own policy forbids.
const OPTIONS = { ast: true, actions: false, renderer: "svg" };

/** @param {Chart[]} charts */
export function figures(charts) {
  const drawn = charts.map((chart) => {
    const figure = make("figure", {});
    // Its width is the figure's, which it has once it stands in the page.
    requestAnimationFrame(() =>
      globalThis.vegaEmbed(figure, { ...chart, width: "container" }, OPTIONS),
    );
    return figure;
  });
  return make("div", { class: "figures" }, ...drawn);
}
