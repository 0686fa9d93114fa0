/** What if the draft had proposed fewer or more tokens? Every draft length on the recorded text. */

/** @import { Child } from "../shared/dom" */
/** @import { Reading } from "./trace" */

import { make } from "../shared/dom.js";
import { GLOSSARY } from "../shared/glossary.js";
import { term } from "../shared/term.js";
import { keeps, passesAt, roundMs } from "./expectation.js";

/** @typedef {{ gamma: number, passes: number, each: number, ms: number }} Column */

const LENGTHS = Array.from({ length: 16 }, (_, at) => at + 1);

/**
 * @param {Reading} reading
 * @param {(gamma: number) => void} choose another draft length, where the view lets
 */
export function replayWhatIf(reading, choose) {
  const { decoding } = reading.trace;
  const keep = keeps(reading);
  const columns = LENGTHS.map((gamma) => {
    const passes = passesAt(gamma, keep);
    const ms = reading.costs.length ? passes * roundMs(reading.costs, gamma) : NaN;
    return { gamma, passes, each: keep.length / passes, ms };
  });
  const timed = reading.costs.map(([gamma]) => gamma);
  const quickest = columns.reduce(
    (best, column) => (column.ms < best.ms ? column : best),
    columns[0],
  );
  const most = Math.max(...columns.map(({ each }) => each));
  const exact = reading.greedy;
  /**
   * @param {string} name
   * @param {string} title
   * @param {(column: Column) => Child} write
   */
  const row = (name, title, write) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, term(name, title)),
      ...columns.map((column) => make("td", { class: marks(column), title }, write(column))),
    );
  const marks = (/** @type {Column} */ { gamma }) =>
    [gamma === decoding.gamma && "recorded", quickest.ms && gamma === quickest.gamma && "quickest"]
      .filter(Boolean)
      .join(" ") || undefined;
  /** @param {number} gamma */
  function choice(gamma) {
    if (!reading.choosing || gamma === decoding.gamma) return gamma;
    const title = `γ = ${gamma} instead`;
    const button = make("button", { type: "button", title, "aria-label": title }, gamma);
    button.addEventListener("click", () => choose(gamma));
    return button;
  }
  const plainMs = reading.plain ? reading.plain.ms * keep.length : NaN;
  const expected = exact ? "" : "expected ";
  return make(
    "section",
    { class: "whatif" },
    make("h3", {}, "What if the draft guessed fewer or more tokens at a time?"),
    make(
      "p",
      { class: "quiet" },
      (exact
        ? "Exact: in greedy decoding the text is the same at every draft length, and so is what is accepted. "
        : "Expected, given this text: each of its tokens has a known chance, min(1, q/p), of being guessed and kept. The recorded row of rounds is one throw of that die. ") +
        (reading.costs.length
          ? `Milliseconds are passes × (γ × drafting + verifying), ${
              timed.length === LENGTHS.length
                ? "with costs timed at every γ"
                : timed.length > 1
                  ? `with costs timed at γ = ${timed.join(", ")}, those between interpolated`
                  : `with the costs recorded at γ = ${timed[0]}: verifying more tokens may take longer`
            }.`
          : ""),
    ),
    make(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": "What if, by draft length" },
      make(
        "table",
        {},
        make(
          "thead",
          {},
          make(
            "tr",
            {},
            make("th", { scope: "row" }, term(GLOSSARY.gamma.name, GLOSSARY.gamma.text)),
            ...columns.map((column) =>
              make("th", { scope: "col", class: marks(column) }, choice(column.gamma)),
            ),
          ),
        ),
        make(
          "tbody",
          {},
          row(
            GLOSSARY.block_efficiency.name,
            `Tokens of the text over ${expected}passes of the target.`,
            ({ each }) =>
              make("span", { class: "bar", style: `--v:${each / most}` }, each.toFixed(2)),
          ),
          row(
            "target passes",
            `${exact ? "Passes" : "Expected passes"} of the target for this text.`,
            ({ passes }) => (exact ? passes.toFixed(0) : passes.toFixed(1)),
          ),
          ...(reading.costs.length
            ? [row("ms", "Predicted milliseconds for this text.", ({ ms }) => ms.toFixed(0))]
            : []),
          ...(reading.plain && reading.costs.length
            ? [
                row(
                  "speed-up",
                  "Milliseconds of plain decoding for this text over the predicted ones; below 1: slower.",
                  ({ ms }) => `${(plainMs / ms).toFixed(2)}×`,
                ),
              ]
            : []),
        ),
      ),
    ),
    make(
      "p",
      { class: "quiet" },
      make("span", { class: "key recorded" }, `γ = ${decoding.gamma}`),
      ` was recorded: ${reading.rounds.length} passes.`,
      ...(quickest.ms
        ? [
            " ",
            make("span", { class: "key quickest" }, `γ = ${quickest.gamma}`),
            " is predicted to be the quickest.",
          ]
        : []),
      reading.choosing ? " Click a γ to decode the prompt with it." : "",
    ),
  );
}
