/* Figures of a comparison as SVG, in units of the drawing's own pixels. Drafts are told apart by
   sign, dash and name beside their colour. */

import { draw, make } from "../shared/dom.js";
import { sign } from "../shared/glyphs.js";
import { place } from "../shared/scale.js";
import { middle, points, told } from "./ablation.js";
import { signed } from "./tables.js";
import { across } from "./tokens.js";
import { fixed, minus } from "./words.js";

export const [W, H] = [600, 300];
export const EDGE = { left: 64, right: 16, top: 16, bottom: 44 };

/* An empty plot: axes with ticks, and the places of values. */
export function plotOf({ x, y, xTitle, yTitle, xTicks, yTicks, right = EDGE.right, high = H, wide = W, yText = short, xText = short }) {
  const across = (value) => EDGE.left + ((value - x[0]) / (x[1] - x[0])) * (wide - EDGE.left - right);
  const up = (value) => high - EDGE.bottom - ((value - y[0]) / (y[1] - y[0])) * (high - EDGE.top - EDGE.bottom);
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

export function label(x, y, text, anchor, kind = "") {
  return draw("text", { x, y, "text-anchor": anchor, class: kind }, text);
}

/* A mark of a draft, with what it says on hover. */
export function mark(look, x, y, says, size = 15) {
  const sign = draw("text", { x, y: y + size * 0.36, "text-anchor": "middle", class: "mark" }, look.glyph);
  sign.style.fontSize = `${size}px`;
  return coloured(look, draw("g", {}, sign, draw("title", {}, says)));
}

export function coloured(look, element) {
  element.style.setProperty("--c", look.colour);
  return element;
}

export function figure(title, help, high, plot, ...below) {
  return make(
    "figure",
    {},
    make("figcaption", { title: help }, make("abbr", {}, title)),
    draw("svg", { viewBox: `0 0 ${W} ${high}`, role: "img", "aria-label": `${title}. ${help}` }, ...plot),
    ...below,
  );
}

export function ticks(low, high, wanted = 5) {
  const rough = (high - low) / wanted;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * size).find((one) => one >= rough);
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + 1e-9; at += 1) found.push(at * step);
  return found;
}

export const short = (value) => minus(String(Number(value.toPrecision(3))));

/* Draft minus baseline in exact acceptance, with its interval. What was not trained is far off: it
   does not set the scale, and an arrow says where it is. */
export function forest(view) {
  const { differences, baseline, definitions } = view.comparison;
  const rows = differences.filter((one) => one.measure === "alpha.generated");
  const trained = rows.filter((one) => view.looks[one.draft].name !== "stock");
  const ends = (trained.length ? trained : rows).flatMap((one) => one.ci.map((end) => 100 * end));
  const [least, most] = [Math.min(0, ...ends), Math.max(0, ...ends)];
  const room = 0.12 * (most - least || 1);
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
  const drawn = rows.map((one, at) => {
    const look = view.looks[one.draft];
    const y = EDGE.top + gap * (at + 0.62);
    const value = 100 * one.value;
    const says = `${look.label}: ${signed(value, 2)}, ${one.verdict}`;
    const beyond = value < x[0] ? -1 : value > x[1] ? 1 : 0;
    const text = draw("g", {}, mark(look, EDGE.left + 6, y - 19, one.says), label(EDGE.left + 20, y - 14, says, "start", "name"));
    if (beyond) {
      const end = across(x[beyond < 0 ? 0 : 1]);
      const arrow = `M${end - beyond * 46} ${y}H${end}m${-beyond * 7} -5l${beyond * 7} 5l${-beyond * 7} 5`;
      const line = draw("path", { class: "line thick", d: arrow });
      return coloured(look, draw("g", {}, line, text, draw("title", {}, one.says)));
    }
    const [low, top] = one.ci.map((bound) => across(100 * bound));
    const bar = draw("path", { class: "line thick", d: `M${low} ${y}H${top}M${low} ${y - 6}v12M${top} ${y - 6}v12` });
    return coloured(look, draw("g", {}, bar, text, mark(look, across(value), y, one.says)));
  });
  const zero = draw("path", { class: "zero", d: `M${across(0)} ${EDGE.top}V${high - EDGE.bottom}` });
  return figure("Paired difference, exact acceptance", definitions.difference, high, [...marks, zero, ...drawn]);
}

/* Bars in groups, a bar a draft: `bars` are [key, value, says] of every group. */
function grouped({ view, groups, title, help, xTitle, yTitle, note }) {
  const values = groups.flatMap(({ bars: list }) => list.flatMap(([, value, , dot = 0]) => [value, dot]));
  const most = Math.max(...values, 0.01);
  const yTicks = ticks(0, most);
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
    list.map(([key, value, says, dot], place) => {
      const look = view.looks[key];
      const wide = Math.min(42, room / list.length);
      const x = across(at) + (place - (list.length - 1) / 2) * wide;
      const bar = draw("rect", {
        class: look.place ? "bar other" : "bar", x: x - wide * 0.42, y: up(value), width: wide * 0.84, height: up(0) - up(value),
      });
      const tick = dot === undefined ? null : draw("path", {
        class: "tick", d: `M${x - wide * 0.42} ${up(dot)}h${wide * 0.84}`,
      });
      const sign = mark(look, x, up(Math.max(value, dot ?? 0)) - 9, says, Math.min(13, wide));
      return coloured(look, draw("g", {}, bar, tick, sign, draw("title", {}, says)));
    }),
  );
  return figure(title, help, H, [...marks, ...drawn], make("p", { class: "quiet" }, note));
}

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
        return [draft.draft, reached, says, passed];
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

export function lengths(view) {
  const { drafts, definitions } = view.comparison;
  const longest = Math.max(...drafts.map((draft) => draft.accepted_lengths.length));
  const groups = Array.from({ length: longest }, (_, at) => ({
    name: String(at),
    bars: drafts.map((draft) => {
      const rounds = draft.accepted_lengths[at] ?? 0;
      const all = draft.accepted_lengths.reduce((sum, one) => sum + one, 0);
      const says = `${view.looks[draft.draft].label}: ${rounds} of ${all} rounds accepted exactly ${at}`;
      return [draft.draft, rounds / all, says];
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

const DASHES = { solid: "", dash: "9 6", dot: "2 5", dashdot: "9 5 2 5", longdash: "14 6", longdashdot: "14 5 2 5" };

export function speed(view) {
  const { drafts, definitions } = view.comparison;
  const curves = drafts.map((draft) => [draft, view.looks[draft.draft], draft.speedup.curve]);
  const values = curves
    .flatMap(([, , curve]) => curve.flatMap(({ predicted, measured }) => [predicted, measured]))
    .filter(Number.isFinite);
  const gammas = curves.flatMap(([, , curve]) => curve.map(({ gamma }) => gamma));
  const [least, most] = [Math.min(1, ...values), Math.max(1, ...values)];
  const room = 0.25 * (most - least || 1); // for intervals; longer ones end in an arrow
  const y = [least - room, most + room];
  const x = [Math.min(...gammas) - 0.4, Math.max(...gammas) + 0.4];
  const names = Math.min(220, 24 + 7.4 * Math.max(...curves.map(([, look]) => look.label.length)));
  const { across, up, marks } = plotOf({
    x, y, right: names,
    xTitle: "γ, tokens drafted a round",
    yTitle: "speed-up",
    xTicks: [...new Set(gammas)],
    yTicks: ticks(...y),
    yText: (value) => `${short(value)} ×`,
  });
  const one = draw("path", { class: "zero", d: `M${EDGE.left} ${up(1)}H${W - names}` });
  const whisker = (at, low, high) => {
    const [bottom, top] = [up(Math.max(low, y[0])), up(Math.min(high, y[1]))];
    const arrow = (end, way) => `M${at - 4} ${end + 6 * way}L${at} ${end}L${at + 4} ${end + 6 * way}`;
    return `M${at} ${bottom}V${top}${low < y[0] ? arrow(bottom, -1) : ""}${high > y[1] ? arrow(top, 1) : ""}`;
  };
  const wide = 7;
  const drawn = curves.map(([, look, curve], number) => {
    const line = curve.filter(({ predicted }) => Number.isFinite(predicted));
    const d = line.map(({ gamma, predicted }) => `${across(gamma)} ${up(predicted)}`).join("L");
    const offset = (number - (curves.length - 1) / 2) * wide;
    const points = curve.filter(({ measured }) => Number.isFinite(measured)).map((point) => {
      const [low, high] = point.measured_ci;
      const at = across(point.gamma) + offset;
      const says =
        `${look.label}, γ = ${point.gamma}: measured ${fixed(point.measured, 2)} × ` +
        `[${fixed(low, 2)}, ${fixed(high, 2)}], predicted ${fixed(point.predicted, 2)} ×`;
      return draw(
        "g", {},
        draw("path", { class: "line", d: whisker(at, low, high) }),
        mark(look, at, up(point.measured), says),
      );
    });
    return coloured(look, draw(
      "g", {},
      draw("path", { class: "line thin", "stroke-dasharray": DASHES[look.dash] ?? "", d: d && `M${d}` }),
      ...points,
    ));
  });
  const ends = curves.map(([, look, curve]) => [up(curve.at(-1).predicted ?? curve.at(-1).measured ?? 1), look]);
  const places = apart(ends.map(([at]) => at), 18);
  const texts = ends.map(([, look], at) =>
    coloured(look, draw(
      "g", {},
      mark(look, W - names + 10, places[at], look.label),
      label(W - names + 22, places[at] + 4, look.label, "start", "name"),
    )),
  );
  const told = make("ul", { class: "quiet" }, ...drafts.map((draft) => make("li", {}, speedSays(draft, view.looks[draft.draft]))));
  return figure(
    "Speed-up against γ",
    `Points: ${definitions["speedup.measured"]}. Lines: ${definitions["speedup.predicted"]}.`,
    H,
    [...marks, one, ...drawn, ...texts],
    make("p", { class: "quiet" }, "Points: measured, with 95 % intervals (an arrow: beyond the plot). Lines: predicted from tested α and the measured costs c and v. Below 1 × it is slower than the target alone."),
    told,
  );
}

function speedSays({ alpha, speedup }, { label: name }) {
  const { c, v, gamma, break_even_alpha: even, best_gamma: best } = speedup;
  const pays = Number.isFinite(even)
    ? `pays at γ = ${gamma} from α = ${fixed(even, 3)} on (tested: ${fixed(alpha.tested, 3)})`
    : `cannot pay at γ = ${gamma}`;
  return `${name}: c = ${fixed(c, 3)}, v = ${fixed(v, 2)}; ${pays}; best γ ${best ?? "–"}`;
}

/* Places in their order and at least a gap apart, near to where they are wanted. */
export function apart(wanted, gap) {
  const order = [...wanted.keys()].sort((one, other) => wanted[one] - wanted[other]);
  const found = [...wanted];
  order.forEach((at, number) => {
    if (number) found[at] = Math.max(found[at], found[order[number - 1]] + gap);
  });
  const over = Math.max(0, found[order.at(-1)] - (H - EDGE.bottom));
  return found.map((place) => place - over);
}
