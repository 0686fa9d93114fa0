/** Figures of a comparison as SVG, in units of the drawing's own pixels. Drafts are told apart by
 * sign, dash and name beside their colour. */

/** @import { Child } from "../shared/dom" */
/** @import { BoardView, ComparedDraft, Interval, Look } from "../shared/types" */

import { draw, make } from "../shared/dom.js";
import { fixed, isNumber, minus, signed } from "../shared/numbers.js";

/**
 * @typedef {object} Plot
 * @property {Interval} x least and most
 * @property {Interval} y
 * @property {string} xTitle
 * @property {string} [yTitle]
 * @property {number[]} xTicks
 * @property {number[]} yTicks
 * @property {number} [right]
 * @property {number} [high]
 * @property {number} [wide]
 * @property {(value: number) => string} [yText]
 * @property {(value: number) => string} [xText]
 *
 * @typedef {[key: string, value: number, says: string, tick?: number]} Bar
 */

export const [W, H] = [600, 300];
export const EDGE = { left: 64, right: 16, top: 16, bottom: 44 };

/** An empty plot: axes with ticks, and where values lie.
 *
 * @param {Plot} plot
 */
export function plotOf({
  x,
  y,
  xTitle,
  yTitle,
  xTicks,
  yTicks,
  right = EDGE.right,
  high = H,
  wide = W,
  yText = short,
  xText = short,
}) {
  const across = (/** @type {number} */ value) =>
    EDGE.left + ((value - x[0]) / (x[1] - x[0])) * (wide - EDGE.left - right);
  const up = (/** @type {number} */ value) =>
    high - EDGE.bottom - ((value - y[0]) / (y[1] - y[0])) * (high - EDGE.top - EDGE.bottom);
  /** @type {SVGElement[]} */
  const marks = [
    ...yTicks.map((tick) =>
      draw("path", { class: "grid", d: `M${EDGE.left} ${up(tick)}H${wide - right}` }),
    ),
    ...yTicks.map((tick) => label(EDGE.left - 8, up(tick) + 4, yText(tick), "end")),
    ...xTicks.map((tick) => label(across(tick), high - EDGE.bottom + 18, xText(tick), "middle")),
    label((EDGE.left + wide - right) / 2, high - 6, xTitle, "middle", "title"),
  ];
  if (yTitle) {
    const middle = (EDGE.top + high - EDGE.bottom) / 2;
    const title = label(0, 0, yTitle, "middle", "title");
    title.setAttribute("transform", `translate(13 ${middle}) rotate(-90)`);
    marks.push(title);
  }
  return { across, up, marks };
}

/**
 * @param {number} x
 * @param {number} y
 * @param {string} text
 * @param {"start" | "middle" | "end"} anchor
 * @param {string} [kind]
 */
export function label(x, y, text, anchor, kind = "") {
  return draw("text", { x, y, "text-anchor": anchor, class: kind }, text);
}

/** A mark of a draft, with what it says on hover.
 *
 * @param {Look} look
 * @param {number} x
 * @param {number} y
 * @param {string} says
 * @param {number} [size]
 */
export function mark(look, x, y, says, size = 15) {
  const sign = draw(
    "text",
    { x, y: y + size * 0.36, "text-anchor": "middle", class: "mark" },
    look.glyph,
  );
  sign.style.fontSize = `${size}px`;
  return coloured(look, draw("g", {}, sign, draw("title", {}, says)));
}

/**
 * @template {SVGElement} E
 * @param {Look} look
 * @param {E} element
 */
export function coloured(look, element) {
  element.style.setProperty("--c", look.colour);
  return element;
}

/**
 * @param {string} title
 * @param {string} help
 * @param {number} high
 * @param {Child[]} plot
 * @param {...Child} below
 */
export function figure(title, help, high, plot, ...below) {
  return make(
    "figure",
    {},
    make("figcaption", { title: help }, make("abbr", {}, title)),
    draw(
      "svg",
      { viewBox: `0 0 ${W} ${high}`, role: "img", "aria-label": `${title}. ${help}` },
      ...plot,
    ),
    ...below,
  );
}

/**
 * @param {number} low
 * @param {number} high
 * @param {number} [wanted]
 */
export function ticks(low, high, wanted = 5) {
  const rough = (high - low) / wanted;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5].find((times) => times * size >= rough) ?? 10) * size;
  const list = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + 1e-9; at += 1)
    list.push(at * step);
  return list;
}

export const short = (/** @type {number} */ value) => minus(String(Number(value.toPrecision(3))));

/** Draft minus baseline in exact acceptance, with its interval. What was not trained is far off: it
 * does not set the scale, and an arrow says where it is.
 *
 * @param {BoardView} view
 */
export function forest(view) {
  const { differences, baseline, definitions } = view.comparison;
  const rows = differences.filter(({ measure }) => measure === "alpha.generated");
  const trained = rows.filter(({ draft }) => view.looks[draft].name !== "stock");
  const ends = (trained.length ? trained : rows).flatMap(({ ci }) => ci.map((end) => 100 * end));
  const [least, most] = [Math.min(0, ...ends), Math.max(0, ...ends)];
  const room = 0.12 * (most - least || 1);
  /** @type {Interval} */
  const x = [least - room, most + room];
  const gap = 56;
  const high = EDGE.top + gap * rows.length + EDGE.bottom;
  const { across, marks } = plotOf({
    x,
    y: [0, 1],
    xTitle: `exact acceptance minus ${view.looks[baseline].label}'s, points`,
    xTicks: ticks(...x),
    yTicks: [],
    high,
  });
  const drawn = rows.map((row, at) => {
    const look = view.looks[row.draft];
    const y = EDGE.top + gap * (at + 0.62);
    const value = 100 * row.value;
    const says = `${look.label}: ${signed(value, 2)}, ${row.verdict}`;
    const beyond = value < x[0] ? -1 : value > x[1] ? 1 : 0;
    const text = draw(
      "g",
      {},
      mark(look, EDGE.left + 6, y - 19, row.says),
      label(EDGE.left + 20, y - 14, says, "start", "name"),
    );
    if (beyond) {
      const end = across(x[beyond < 0 ? 0 : 1]);
      const arrow = `M${end - beyond * 46} ${y}H${end}m${-beyond * 7} -5l${beyond * 7} 5l${-beyond * 7} 5`;
      const line = draw("path", { class: "line thick", d: arrow });
      return coloured(look, draw("g", {}, line, text, draw("title", {}, row.says)));
    }
    const [low, top] = row.ci.map((bound) => across(100 * bound));
    const bar = draw("path", {
      class: "line thick",
      d: `M${low} ${y}H${top}M${low} ${y - 6}v12M${top} ${y - 6}v12`,
    });
    return coloured(look, draw("g", {}, bar, text, mark(look, across(value), y, row.says)));
  });
  const zero = draw("path", {
    class: "zero",
    d: `M${across(0)} ${EDGE.top}V${high - EDGE.bottom}`,
  });
  return figure("Paired difference, exact acceptance", definitions.difference, high, [
    ...marks,
    zero,
    ...drawn,
  ]);
}

/** Bars in groups, a bar a draft.
 *
 * @param {object} chart
 * @param {BoardView} chart.view
 * @param {{ name: string, bars: Bar[] }[]} chart.groups
 * @param {string} chart.title
 * @param {string} chart.help
 * @param {string} chart.xTitle
 * @param {string} chart.yTitle
 * @param {string} chart.note
 */
function grouped({ view, groups, title, help, xTitle, yTitle, note }) {
  const values = groups.flatMap(({ bars: list }) =>
    list.flatMap(([, value, , dot = 0]) => [value, dot]),
  );
  const most = Math.max(...values, 0.01);
  const yTicks = ticks(0, most);
  /** @type {Interval} */
  const y = [0, most * 1.14];
  const { across, up, marks } = plotOf({
    x: [-0.5, groups.length - 0.5],
    y,
    xTitle,
    yTitle,
    xTicks: groups.map((_, at) => at),
    yTicks,
    xText: (at) => groups[at].name,
    yText: (value) => `${Math.round(100 * value)} %`,
  });
  const room = (across(1) - across(0)) * 0.8;
  const drawn = groups.flatMap(({ bars: list }, at) =>
    list.map(([key, value, says, dot], number) => {
      const look = view.looks[key];
      const wide = Math.min(42, room / list.length);
      const x = across(at) + (number - (list.length - 1) / 2) * wide;
      const bar = draw("rect", {
        class: look.place ? "bar other" : "bar",
        x: x - wide * 0.42,
        y: up(value),
        width: wide * 0.84,
        height: up(0) - up(value),
      });
      const tick =
        dot === undefined
          ? null
          : draw("path", {
              class: "tick",
              d: `M${x - wide * 0.42} ${up(dot)}h${wide * 0.84}`,
            });
      const sign = mark(look, x, up(Math.max(value, dot ?? 0)) - 9, says, Math.min(13, wide));
      return coloured(look, draw("g", {}, bar, tick, sign, draw("title", {}, says)));
    }),
  );
  return figure(title, help, H, [...marks, ...drawn], make("p", { class: "quiet" }, note));
}

/** @param {BoardView} view */
export function positions(view) {
  const { drafts, definitions } = view.comparison;
  const longest = Math.max(0, ...drafts.map((draft) => draft.positions.length));
  if (!longest) return null;
  const groups = Array.from({ length: longest }, (_, at) => ({
    name: String(at + 1),
    bars: drafts
      .filter((draft) => draft.positions[at])
      .map((draft) => {
        const { reached, passed, tested } = draft.positions[at];
        const says =
          `${view.looks[draft.draft].label}, proposal ${at + 1}: P = ${reached.toFixed(3)} of rounds ` +
          `accept at least ${at + 1}; h = ${passed.toFixed(3)} of ${tested} tested`;
        return /** @type {Bar} */ ([draft.draft, reached, says, passed]);
      }),
  }));
  return grouped({
    view,
    groups,
    title: "Acceptance by position",
    help: `Bar: ${definitions["positions.reached"]}. Line: ${definitions["positions.passed"]}.`,
    xTitle: "i-th proposal of a round",
    yTitle: "rounds",
    note: "Bar: rounds that accept at least i proposals (Pᵢ). Line: of the i-th proposals tested, accepted (hᵢ).",
  });
}

/** @param {BoardView} view */
export function lengths(view) {
  const { drafts, definitions } = view.comparison;
  const longest = Math.max(...drafts.map((draft) => draft.accepted_lengths.length));
  const groups = Array.from({ length: longest }, (_, at) => ({
    name: String(at),
    bars: drafts.map((draft) => {
      const rounds = draft.accepted_lengths[at] ?? 0;
      const all = draft.accepted_lengths.reduce((sum, count) => sum + count, 0);
      const says = `${view.looks[draft.draft].label}: ${rounds} of ${all} rounds accepted exactly ${at}`;
      return /** @type {Bar} */ ([draft.draft, rounds / all, says]);
    }),
  }));
  return grouped({
    view,
    groups,
    title: "Accepted lengths",
    help: `${definitions.accepted_lengths}, as shares of all rounds.`,
    xTitle: "proposals accepted in a round",
    yTitle: "rounds",
    note: "Rounds that the text's end cut short are among them.",
  });
}

/** @type {Record<string, string>} */
const DASHES = {
  solid: "",
  dash: "9 6",
  dot: "2 5",
  dashdot: "9 5 2 5",
  longdash: "14 6",
  longdashdot: "14 5 2 5",
};

/** @param {BoardView} view */
export function speed(view) {
  const { drafts, definitions } = view.comparison;
  const curves = drafts.map((draft) => ({
    look: view.looks[draft.draft],
    curve: draft.speedup.curve,
  }));
  const values = curves
    .flatMap(({ curve }) => curve.flatMap(({ predicted, measured }) => [predicted, measured]))
    .filter(isNumber);
  const gammas = curves.flatMap(({ curve }) => curve.map(({ gamma }) => gamma));
  const [least, most] = [Math.min(1, ...values), Math.max(1, ...values)];
  const room = 0.25 * (most - least || 1); // for intervals; longer ones end in an arrow
  /** @type {Interval} */
  const y = [least - room, most + room];
  /** @type {Interval} */
  const x = [Math.min(...gammas) - 0.4, Math.max(...gammas) + 0.4];
  const names = Math.min(220, 24 + 7.4 * Math.max(...curves.map(({ look }) => look.label.length)));
  const { across, up, marks } = plotOf({
    x,
    y,
    right: names,
    xTitle: "γ, tokens drafted a round",
    yTitle: "speed-up",
    xTicks: [...new Set(gammas)],
    yTicks: ticks(...y),
    yText: (value) => `${short(value)} ×`,
  });
  const even = draw("path", { class: "zero", d: `M${EDGE.left} ${up(1)}H${W - names}` });
  /**
   * @param {number} at
   * @param {number} low
   * @param {number} high
   */
  const whisker = (at, low, high) => {
    const [bottom, top] = [up(Math.max(low, y[0])), up(Math.min(high, y[1]))];
    const arrow = (/** @type {number} */ end, /** @type {1 | -1} */ way) =>
      `M${at - 4} ${end + 6 * way}L${at} ${end}L${at + 4} ${end + 6 * way}`;
    return `M${at} ${bottom}V${top}${low < y[0] ? arrow(bottom, -1) : ""}${high > y[1] ? arrow(top, 1) : ""}`;
  };
  const wide = 7;
  const drawn = curves.map(({ look, curve }, number) => {
    const d = curve
      .flatMap(({ gamma, predicted }) =>
        isNumber(predicted) ? `${across(gamma)} ${up(predicted)}` : [],
      )
      .join("L");
    const offset = (number - (curves.length - 1) / 2) * wide;
    const points = curve.map((point) => {
      if (!isNumber(point.measured) || !point.measured_ci) return null;
      const [low, high] = point.measured_ci;
      const at = across(point.gamma) + offset;
      const says =
        `${look.label}, γ = ${point.gamma}: measured ${fixed(point.measured, 2)} × ` +
        `[${fixed(low, 2)}, ${fixed(high, 2)}], predicted ${fixed(point.predicted, 2)} ×`;
      return draw(
        "g",
        {},
        draw("path", { class: "line", d: whisker(at, low, high) }),
        mark(look, at, up(point.measured), says),
      );
    });
    return coloured(
      look,
      draw(
        "g",
        {},
        draw("path", {
          class: "line thin",
          "stroke-dasharray": DASHES[look.dash] ?? "",
          d: d && `M${d}`,
        }),
        ...points,
      ),
    );
  });
  const ends = curves.map(({ curve }) => {
    const last = curve.at(-1);
    return up(last?.predicted ?? last?.measured ?? 1);
  });
  const heights = apart(ends, 18);
  const texts = curves.map(({ look }, at) =>
    coloured(
      look,
      draw(
        "g",
        {},
        mark(look, W - names + 10, heights[at], look.label),
        label(W - names + 22, heights[at] + 4, look.label, "start", "name"),
      ),
    ),
  );
  const details = make(
    "ul",
    { class: "quiet" },
    ...drafts.map((draft) => make("li", {}, speedSays(draft, view.looks[draft.draft]))),
  );
  return figure(
    "Speed-up against γ",
    `Points: ${definitions["speedup.measured"]}. Lines: ${definitions["speedup.predicted"]}.`,
    H,
    [...marks, even, ...drawn, ...texts],
    make(
      "p",
      { class: "quiet" },
      "Points: measured, with 95 % intervals (an arrow: beyond the plot). Lines: predicted from tested α and the measured costs c and v. Below 1 × it is slower than the target alone.",
    ),
    details,
  );
}

/**
 * @param {ComparedDraft} draft
 * @param {Look} look
 */
function speedSays({ alpha, speedup }, { label: name }) {
  const { c, v, gamma, break_even_alpha: even, best_gamma: best } = speedup;
  const pays = isNumber(even)
    ? `pays at γ = ${gamma} from α = ${fixed(even, 3)} on (tested: ${fixed(alpha.tested, 3)})`
    : `cannot pay at γ = ${gamma}`;
  return `${name}: c = ${fixed(c, 3)}, v = ${fixed(v, 2)}; ${pays}; best γ ${best ?? "–"}`;
}

/** Places in their order and at least a gap apart, near to where they are wanted.
 *
 * @param {number[]} wanted
 * @param {number} gap
 */
export function apart(wanted, gap) {
  const order = [...wanted.keys()].sort((a, b) => wanted[a] - wanted[b]);
  const heights = [...wanted];
  order.forEach((at, number) => {
    if (number) heights[at] = Math.max(heights[at], heights[order[number - 1]] + gap);
  });
  const over = Math.max(0, Math.max(...heights) - (H - EDGE.bottom));
  return heights.map((height) => height - over);
}
