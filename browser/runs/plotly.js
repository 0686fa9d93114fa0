/** The part of Plotly that draws lines, points and bars: a third of the whole. */

export { default } from "plotly.js-basic-dist-min";
