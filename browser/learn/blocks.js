/** What stands between the words of a step: a text with its guesses, bars, distributions, a table. */

/** @import { Bars, Block, Pairs, Passage, Stretch, Table } from "../shared/types" */

import { make } from "../shared/dom.js";
import { term } from "../shared/term.js";

/** @type {Record<string, [sign: string, word: string]>} */
const FATES = {
  guessed: ["?", "guessed by the draft"],
  kept: ["✓", "kept"],
  rejected: ["✗", "rejected"],
  own: ["↻", "the target's own"],
  dropped: ["–", "thrown away"],
  marked: ["", "looked at"],
};

/** @param {number} share */
export const percent = (share) => `${Math.round(100 * share)} %`;

/** Words with their dotted ones, none of which is parted from the comma behind it.
 *
 * @param {Stretch[]} stretches
 * @param {Record<string, string>} terms
 */
export function words(stretches, terms) {
  /** @param {number} at */
  const sign = (at) => (stretches[at - 1]?.[1] && /^[.,:;?!)]/.exec(stretches[at][0])?.[0]) || "";
  return stretches.map(([text, name], at) => {
    if (!name) return text.slice(sign(at).length);
    const behind = at + 1 < stretches.length ? sign(at + 1) : "";
    return make("span", { class: "dotted" }, term(text, terms[name]), behind);
  });
}

/** @param {Block} block */
export function drawn(block) {
  switch (block.kind) {
    case "passage":
      return passage(block);
    case "pairs":
      return pairs(block);
    case "bars":
      return bars(block);
    default:
      return table(block);
  }
}

/** @param {Passage} block */
function passage({ prompt, chips }) {
  const shown = chips.map(({ text, fate }) => {
    if (fate === "text") return make("span", {}, text);
    const [sign, what] = FATES[fate];
    const mark = sign && make("b", { "aria-hidden": "true" }, sign);
    return make("span", { class: `chip ${fate}`, title: what }, mark, text);
  });
  const open = chips.some(({ fate }) => fate !== "text" && fate !== "marked");
  const legend = [...new Set(chips.map(({ fate }) => fate))]
    .filter((fate) => open && fate !== "text")
    .map((fate) => make("span", {}, make("b", {}, FATES[fate][0]), ` ${FATES[fate][1]}`));
  return make(
    "figure",
    { class: "passage" },
    make("p", { class: "prompt" }, prompt.trim()),
    make("p", { class: "text" }, ...shown),
    legend.length ? make("figcaption", { class: "quiet" }, ...legend) : null,
  );
}

/** @param {Pairs} block */
function pairs({ rows, shared }) {
  const most = Math.max(...rows.flatMap(({ p, q }) => [p, q]));
  const total = rows.reduce((sum, { both }) => sum + both, 0);
  return make(
    "figure",
    { class: `pairs ${shared ? "shared" : ""}` },
    make(
      "figcaption",
      { class: "key" },
      make("span", { class: "of-p" }, "target"),
      make("span", { class: "of-q" }, "draft"),
      shared ? make("span", { class: "of-both" }, "what both have in common") : null,
    ),
    ...rows.map(({ label, p, q, both, marked }) =>
      make(
        "div",
        { class: `pair ${marked ? "marked" : ""}` },
        make("span", { class: "label" }, label),
        make("span", { class: "lanes" }, lane("p", p, both, most), lane("q", q, both, most)),
        make(
          "span",
          { class: "figure" },
          make("span", {}, percent(p)),
          make("span", {}, percent(q)),
        ),
      ),
    ),
    shared ? make("p", { class: "sum" }, "All that is in common: ", strong(percent(total))) : null,
  );
}

/** @param {string} text */
const strong = (text) => make("strong", {}, text);

/**
 * @param {"p" | "q"} model
 * @param {number} value
 * @param {number} both
 * @param {number} most
 */
function lane(model, value, both, most) {
  const bar = make("i", { class: model });
  bar.style.width = `${(100 * value) / most}%`;
  bar.style.setProperty("--both", `${value > 0 ? (100 * Math.min(both, value)) / value : 0}%`);
  return bar;
}

/** @param {Bars} block */
function bars({ title, rows, most, line }) {
  const share = (/** @type {number} */ value) => `${(100 * value) / most}%`;
  const figure = make(
    "figure",
    { class: "bars" },
    make("figcaption", {}, title),
    ...rows.map(({ label, value, text, low, high, marked }) => {
      const bar = make("i", {});
      bar.style.width = share(value);
      const lanes = make("span", { class: "lanes" }, bar);
      if (low !== null && high !== null) {
        const whisker = make("u", { title: `95 % interval` });
        whisker.style.left = share(low);
        whisker.style.width = share(high - low);
        lanes.append(whisker);
      }
      if (line) {
        const mark = make("s", {});
        mark.style.left = share(line[0]);
        lanes.append(mark);
      }
      return make(
        "div",
        { class: `bar ${marked ? "marked" : ""}` },
        make("span", { class: "label" }, label),
        lanes,
        make("span", { class: "figure" }, text),
      );
    }),
  );
  if (line) figure.append(make("p", { class: "quiet" }, make("s", {}), ` ${line[1]}`));
  return figure;
}

/** @param {Table} block */
function table({ head, rows }) {
  return make(
    "table",
    {},
    make("thead", {}, make("tr", {}, ...head.map((cell) => make("th", { scope: "col" }, cell)))),
    make(
      "tbody",
      {},
      ...rows.map(([name, ...cells]) =>
        make(
          "tr",
          {},
          make("th", { scope: "row" }, name),
          ...cells.map((cell) => make("td", {}, cell)),
        ),
      ),
    ),
  );
}
