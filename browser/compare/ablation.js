/** Methods over seeds: acceptance against cost, differences, acceptance against k, everything. */

/** @import { AblationView, Interval, Method, MethodDifference, Mounted } from "../shared/types" */

import { component } from "../shared/component.js";
import { draw, make } from "../shared/dom.js";
import { amount, fixed, signed } from "../shared/numbers.js";
import { EDGE, H, coloured, figure, label, mark, plotOf, short, ticks } from "./figures.js";
import { called, field } from "./look.js";
import { SIGNS_OF, heading, tableOf } from "./tables.js";

/**
 * @typedef {{ view: AblationView }} Data
 * @typedef {{ sum: number, size: number }} Group of what they want, and how many they are
 */

const COST = { wide: 840, high: 430, gap: 21, right: 24, strip: 64 }; // of the drawing, in its own pixels;
// the strip at its foot is for what lies below the scale
const FAR_APART = 8; // times: costs beyond it are drawn on a logarithmic scale

const points = (/** @type {number} */ value) => signed(100 * value, 2);
const between = (/** @type {Interval} */ [low, high], digits = 4) =>
  `${fixed(low, digits)} – ${fixed(high, digits)}`;

/** @param {AblationView} view */
function methodsOf({ summary }) {
  return [...summary.methods].sort((a, b) => b.alpha.mean - a.alpha.mean);
}

/** Those that set a scale: the stock draft, and what is no better, would leave the others no room.
 * Where nothing is better, all.
 *
 * @param {AblationView} view
 * @param {Method[]} methods
 */
function settingScale(view, methods) {
  const stock = view.summary.methods.find(({ table }) => table === "stock");
  const better = methods.filter(({ alpha }) => !stock || alpha.mean > stock.alpha.mean);
  return better.length ? better : methods;
}

/** @param {AblationView} view */
function overWhat({ summary }) {
  return summary.seeds.length > 1
    ? `seeds ${summary.seeds.join(", ")} and ${amount(summary.prompts)} prompts`
    : `${amount(summary.prompts)} prompts of one seed`;
}

/** All that is known of a method, for its title.
 *
 * @param {AblationView} view
 * @param {Method} method
 */
function summaryOf(view, method) {
  const { definitions, seeds } = view.summary;
  const { alpha, total, speedup } = method;
  const lines = [
    `${method.label}: ${method.made}`,
    `exact acceptance ${fixed(alpha.mean, 4)}, 95 % interval ${between(alpha.ci)} (${definitions.alpha})`,
    seeds.length > 1 &&
      `by seed: ${seeds.map((seed, at) => `${seed}: ${fixed(alpha.by_seed[at], 4)}`).join(", ")}`,
    `own training: ${amount(method.steps)} steps, ${amount(method.sequences)} sequences, ${amount(method.seconds)} s`,
    `in all: ${amount(total.steps)} steps, ${amount(total.sequences)} sequences, ${amount(total.seconds)} s (${definitions.total})`,
    `speed-up ${fixed(speedup.median, 2)} × (${definitions.speedup})`,
  ];
  return lines.filter((line) => line).join("\n");
}

/** Places near to where they are wanted, in order and a gap apart: what would overlap becomes a row
 * around the mean of what its members want.
 *
 * @param {number[]} wanted
 * @param {number} gap
 */
function spread(wanted, gap) {
  /** @type {Group[]} */
  const rows = [];
  for (const at of wanted) {
    rows.push({ sum: at, size: 1 });
    for (;;) {
      const [before, last] = rows.slice(-2);
      if (!last || middle(last) - middle(before) >= ((before.size + last.size) / 2) * gap) break;
      rows.splice(-2, 2, { sum: before.sum + last.sum, size: before.size + last.size });
    }
  }
  return rows.flatMap((row) =>
    Array.from({ length: row.size }, (_, at) => middle(row) + (at - (row.size - 1) / 2) * gap),
  );
}

const middle = (/** @type {Group} */ { sum, size }) => sum / size;

/** Acceptance against cost. Methods of one cost stand side by side, the best at the left.
 *
 * @param {AblationView} view
 */
function costFigure(view) {
  const { name, label: costs } = view.cost;
  const sorted = methodsOf(view);
  const rank = new Map(sorted.map((method, at) => [method.name, at + 1]));
  const trained = sorted.filter(({ total }) => total[name] > 0);
  const spent = trained.map(({ total }) => total[name]);
  const log = Math.max(...spent) > FAR_APART * Math.min(...spent);
  const scaled = (/** @type {number} */ value) => (log ? Math.log10(value) : value);
  const ends = settingScale(view, sorted).flatMap(({ alpha }) => [...alpha.ci, ...alpha.by_seed]);
  const room = 0.06 * (Math.max(...ends) - Math.min(...ends) || 0.01);
  /** @type {Interval} */
  const y = [Math.min(...ends) - room, Math.max(...ends) + 1.5 * room];
  const off = sorted.some(({ alpha }) => alpha.mean < y[0]);
  const inside = COST.high - EDGE.top - EDGE.bottom;
  const bottom = off ? y[0] - ((y[1] - y[0]) * COST.strip) / (inside - COST.strip) : y[0];
  const [least, most] = [Math.min(...spent), Math.max(...spent)].map(scaled);
  const margin = Math.max(0.12 * (most - least), 1e-6 * most, log ? 0.05 : 1);
  const groups = new Set(spent);
  const { across, up, marks } = plotOf({
    x: [least - margin, most + margin],
    y: [bottom, y[1]],
    xTitle: `${costs}${log ? ", logarithmic scale" : ""}`,
    yTitle: "exact acceptance",
    xTicks: groups.size <= 4 ? [...groups].map(scaled) : ticks(least, most),
    yTicks: ticks(...y, 6),
    xText: (at) => amount(log ? 10 ** at : at),
    yText: (at) => at.toFixed(3),
    high: COST.high,
    wide: COST.wide,
    right: COST.right,
  });
  const inOrder = [...trained].sort((a, b) => a.total[name] - b.total[name]); // stable
  const places = spread(
    inOrder.map(({ total }) => across(scaled(total[name]))),
    COST.gap,
  );
  const foot = COST.high - EDGE.bottom;
  const drawn = inOrder.map((method, at) => {
    const below = method.alpha.mean < y[0];
    const look = view.looks[method.name];
    const x = places[at];
    const { alpha } = method;
    const lead = draw("path", {
      class: "lead",
      d: `M${x} ${foot - 14}L${across(scaled(method.total[name]))} ${foot}`,
    });
    if (below) {
      const arrow = draw("path", { class: "line", d: `M${x} ${foot - 36}v18m-4 -5l4 5l4 -5` });
      const number = label(x, foot - 58, String(rank.get(method.name)), "middle", "name");
      const group = draw(
        "g",
        { "data-method": method.name, class: "method" },
        lead,
        arrow,
        mark(look, x, foot - 46, summaryOf(view, method)),
        number,
        draw("title", {}, summaryOf(view, method)),
      );
      return coloured(look, group);
    }
    const [low, high] = alpha.ci.map(up);
    const bar = draw("path", {
      class: "line thick",
      d: `M${x} ${low}V${high}M${x - 4} ${low}h8M${x - 4} ${high}h8`,
    });
    const seeds = alpha.by_seed.length > 1 ? alpha.by_seed : [];
    const dots = seeds.map((value) =>
      draw("circle", { class: "seed", cx: x + 7, cy: up(value), r: 1.8 }),
    );
    const ring =
      method.start === "reference"
        ? draw("circle", { class: "start", cx: x, cy: up(alpha.mean), r: 10 })
        : null;
    const group = draw(
      "g",
      { "data-method": method.name, class: "method" },
      lead,
      bar,
      ...dots,
      ring,
      mark(look, x, up(alpha.mean), summaryOf(view, method)),
      label(x, Math.min(low, high) - 5, String(rank.get(method.name)), "middle", "name"),
      draw("title", {}, summaryOf(view, method)),
    );
    return coloured(look, group);
  });
  const left = sorted
    .filter((method) => !trained.includes(method))
    .map((method) => untrained(view, method, y, up, foot));
  const help = `${view.summary.definitions.alpha}. ${view.summary.definitions["alpha.ci"]}.`;
  const drawing = draw(
    "svg",
    {
      viewBox: `0 0 ${COST.wide} ${COST.high}`,
      role: "img",
      "aria-label": `Exact acceptance against ${costs}. The list beside it has the same numbers.`,
    },
    ...marks,
    ...left,
    ...drawn,
  );
  const element = make(
    "figure",
    { class: "cost" },
    make("figcaption", { title: help }, make("abbr", {}, `Acceptance against ${costs}`)),
    make("div", { class: "beside" }, drawing, legend(view, sorted)),
    make(
      "p",
      { class: "quiet" },
      `Bars: 95 % intervals over ${overWhat(view)}. ` +
        (view.summary.seeds.length > 1 ? "Small dots: the single seeds. " : "") +
        "A ring: the training starts from the reference. Methods of equal cost stand side by side, the best at the left; " +
        "the line at their foot leads to the cost. An arrow: below the scale, no better than the stock draft.",
    ),
  );
  return together(element);
}

/** A draft without a cost has no place on the scale of costs: a line, or an arrow where it is far below.
 *
 * @param {AblationView} view
 * @param {Method} method
 * @param {Interval} y
 * @param {(value: number) => number} up
 * @param {number} foot
 */
function untrained(view, method, y, up, foot) {
  const look = view.looks[method.name];
  const value = method.alpha.mean;
  const far = value < y[0] || value > y[1];
  const at = far ? foot - 20 : up(value);
  const where = far ? (value < y[0] ? " ↓ below the scale" : " ↑ above the scale") : "";
  const says = `${look.label} ${fixed(value, 4)}, not trained${where}`;
  const line = far
    ? null
    : draw("path", { class: "zero", d: `M${EDGE.left} ${at}H${COST.wide - COST.right}` });
  const name = label(EDGE.left + 24, at - 4, says, "start", "name");
  return coloured(
    look,
    draw(
      "g",
      { "data-method": method.name, class: "method" },
      line,
      mark(look, EDGE.left + 12, at - 8, says),
      name,
      draw("title", {}, summaryOf(view, method)),
    ),
  );
}

/** Every method by acceptance, numbered as in the drawing.
 *
 * @param {AblationView} view
 * @param {Method[]} sorted
 */
function legend(view, sorted) {
  const items = sorted.map((method) =>
    make(
      "li",
      { "data-method": method.name, title: summaryOf(view, method) },
      make(
        "span",
        { class: method.start === "reference" && "ringed" },
        called(view.looks[method.name]),
      ),
      make("span", { class: "value" }, fixed(method.alpha.mean, 4)),
    ),
  );
  return make("ol", { class: "ranks" }, ...items);
}

/** What is pointed at in the drawing or in the list stands out in both.
 *
 * @param {HTMLElement} element
 */
function together(element) {
  /** @type {NodeListOf<HTMLElement | SVGElement>} */
  const parts = element.querySelectorAll("[data-method]");
  const show = (/** @type {string} */ name) => {
    element.classList.toggle("pointed", Boolean(name));
    for (const part of parts) part.classList.toggle("here", part.dataset.method === name);
  };
  element.addEventListener("pointerover", ({ target }) => {
    const part = /** @type {Element} */ (target).closest("[data-method]");
    show(part?.getAttribute("data-method") ?? "");
  });
  element.addEventListener("pointerleave", () => show(""));
  return element;
}

/** Method minus baseline, sorted: dot and interval on one scale, then the same in words.
 *
 * @param {AblationView} view
 */
function differenceRows(view) {
  const { baseline, summary } = view;
  const { definitions } = summary;
  const rows = summary.methods
    .filter((method) => method.difference[baseline])
    .sort((a, b) => b.difference[baseline].value - a.difference[baseline].value);
  const ends = settingScale(view, rows).flatMap(({ difference }) => [
    difference[baseline].low,
    difference[baseline].high,
  ]);
  const [least, most] = [Math.min(0, ...ends), Math.max(0, ...ends)].map((end) => 100 * end);
  const room = 0.08 * (most - least || 1);
  /** @type {Interval} */
  const x = [least - room, most + room];
  const position = (/** @type {number} */ value) => (100 * (100 * value - x[0])) / (x[1] - x[0]);
  const body = rows.map((method) => {
    const difference = method.difference[baseline];
    const { fair, says } = difference.budget;
    const word = `${SIGNS_OF[difference.verdict]} ${difference.verdict}`;
    return make(
      "tr",
      { "data-method": method.name },
      make(
        "th",
        { scope: "row", title: summaryOf(view, method) },
        called(view.looks[method.name]),
        make("span", { class: "range" }, method.made),
      ),
      make(
        "td",
        { class: "track", "aria-hidden": "true" },
        track(view, method, difference, position),
      ),
      make(
        "td",
        {
          "data-value": difference.value,
          "data-field": "difference",
          title: differenceSays(view, method, difference),
        },
        make("strong", {}, points(difference.value)),
        make("span", { class: "range" }, `${points(difference.low)} … ${points(difference.high)}`),
      ),
      make(
        "td",
        { class: `verdict ${difference.verdict.split(" ")[0]}`, title: definitions.verdict },
        word,
      ),
      make(
        "td",
        { class: `budget ${fair ? "fair" : "unfair"}`, title: definitions.budget },
        `${fair ? "✓" : "✕"} ${says}`,
      ),
    );
  });
  const axis = make(
    "tr",
    { class: "axis", "aria-hidden": "true" },
    make("td", {}),
    make("td", { class: "track" }, axisOf(x, position)),
    make("td", { colspan: 3 }, "points of exact acceptance"),
  );
  const heads = [
    make("td", { class: "track" }),
    heading("points, 95 %", definitions.difference),
    heading("verdict", definitions.verdict),
    heading("budget", definitions.budget),
  ];
  return tableOf(`Differences: method − ${view.looks[baseline].label}`, heads, [...body, axis], {
    class: "forest",
  });
}

/**
 * @param {AblationView} view
 * @param {Method} method
 * @param {MethodDifference} difference
 */
function differenceSays(view, method, difference) {
  const each = view.summary.seeds
    .map((seed, at) => `${seed}: ${points(difference.by_seed[at])}`)
    .join(", ");
  return (
    `${method.label} − ${view.looks[view.baseline].label}: ${points(difference.value)} points ` +
    `[${points(difference.low)}, ${points(difference.high)}], ${difference.verdict}.\nBy seed: ${each}.\n${view.summary.definitions.difference}`
  );
}

/** Places in percent of the cell, so that the drawing stretches and its signs do not.
 *
 * @param {AblationView} view
 * @param {Method} method
 * @param {MethodDifference} difference
 * @param {(value: number) => number} position
 */
function track(view, method, difference, position) {
  const look = view.looks[method.name];
  const zero = draw("line", {
    class: "zero",
    x1: `${position(0)}%`,
    x2: `${position(0)}%`,
    y1: 0,
    y2: 40,
  });
  const title = draw("title", {}, differenceSays(view, method, difference));
  const at = position(difference.value);
  if (at < 0 || at > 100) {
    const arrow = draw(
      "text",
      {
        class: "beyond",
        x: at < 0 ? "0%" : "100%",
        y: 25,
        "text-anchor": at < 0 ? "start" : "end",
      },
      at < 0 ? "◀" : "▶",
    );
    return coloured(look, draw("svg", { height: 40 }, zero, arrow, title));
  }
  const [low, high] = [difference.low, difference.high].map(position);
  const bar = draw("line", { class: "line thick", x1: `${low}%`, x2: `${high}%`, y1: 20, y2: 20 });
  const caps = [low, high].map((end) =>
    draw("line", { class: "line", x1: `${end}%`, x2: `${end}%`, y1: 15, y2: 25 }),
  );
  const several = difference.by_seed.length > 1 ? difference.by_seed : [];
  const seeds = several.map((value) =>
    draw("circle", { class: "seed", cx: `${position(value)}%`, cy: 31, r: 1.8 }),
  );
  const ring =
    method.start === "reference"
      ? draw("circle", { class: "start", cx: `${at}%`, cy: 20, r: 9 })
      : null;
  const sign = draw(
    "text",
    { class: "mark", x: `${at}%`, y: 25, "text-anchor": "middle" },
    look.glyph,
  );
  return coloured(
    look,
    draw("svg", { height: 40 }, zero, bar, ...caps, ...seeds, ring, sign, title),
  );
}

/**
 * @param {Interval} x
 * @param {(value: number) => number} position
 */
function axisOf(x, position) {
  const marks = ticks(...x, 8).flatMap((tick) => [
    draw("line", {
      class: "grid",
      x1: `${position(tick / 100)}%`,
      x2: `${position(tick / 100)}%`,
      y1: 0,
      y2: 6,
    }),
    draw("text", { x: `${position(tick / 100)}%`, y: 20, "text-anchor": "middle" }, short(tick)),
  ]);
  return draw("svg", { height: 26 }, ...marks);
}

/** Acceptance against k, of methods that differ in nothing else.
 *
 * @param {AblationView} view
 */
function ratios(view) {
  const { by_k: series, definitions, methods } = view.summary;
  const title = "Acceptance against k";
  const help = `${definitions.k}. ${definitions.alpha}.`;
  if (!series.length) {
    const none =
      "No methods of this recipe differ in k alone. Give several of them a k of their own, for instance " +
      "adaspec-k20 with k: 0.2 and adaspec-k70 with k: 0.7.";
    return make(
      "figure",
      {},
      make("figcaption", { title: help }, make("abbr", {}, title)),
      make("p", { class: "quiet" }, none),
    );
  }
  const of = (/** @type {string} */ name) =>
    /** @type {Method} */ (methods.find((method) => method.name === name));
  const ends = series.flatMap(({ points: line }) =>
    line.flatMap(({ name }) => [...of(name).alpha.ci, ...of(name).alpha.by_seed]),
  );
  const room = 0.08 * (Math.max(...ends) - Math.min(...ends) || 0.01);
  /** @type {Interval} */
  const y = [Math.min(...ends) - room, Math.max(...ends) + 1.6 * room];
  const { across, up, marks } = plotOf({
    x: [0, 1.06],
    y,
    xTitle: "k, share of tokens trained on; 1 is all of them",
    yTitle: "exact acceptance",
    xTicks: [0, 0.2, 0.4, 0.6, 0.8, 1],
    yTicks: ticks(...y),
    yText: (at) => at.toFixed(3),
  });
  const drawn = series.flatMap(({ made, points: line }) => {
    const path = line.map(({ name, k }) => `${across(k)} ${up(of(name).alpha.mean)}`).join("L");
    const curve = draw("path", { class: "line thin", d: `M${path}` }, draw("title", {}, made));
    return [
      coloured(view.looks[line[0].name], curve),
      ...line.map(({ name, k }) => ratio(view, of(name), k, across(k), up)),
    ];
  });
  const whose = series
    .map(({ made, points: line }) => {
      const each = line.map(({ name, k }) => `${view.looks[name].label} (k = ${k})`);
      return `${made}: ${each.join(", ")}`;
    })
    .join(". ");
  const note = `${whose}. Equal steps and sequences; bars: 95 % intervals over ${overWhat(view)}.`;
  return make(
    "div",
    { class: "ratios" },
    figure(title, help, H, [...marks, ...drawn]),
    make("p", { class: "quiet" }, note),
  );
}

/**
 * @param {AblationView} view
 * @param {Method} method
 * @param {number} k
 * @param {number} x
 * @param {(value: number) => number} up
 */
function ratio(view, method, k, x, up) {
  const look = view.looks[method.name];
  const { alpha } = method;
  const [low, high] = alpha.ci.map(up);
  const says = `k = ${k}\n${summaryOf(view, method)}`;
  const bar = draw("path", {
    class: "line thick",
    d: `M${x} ${low}V${high}M${x - 5} ${low}h10M${x - 5} ${high}h10`,
  });
  const seeds = (alpha.by_seed.length > 1 ? alpha.by_seed : []).map((value) =>
    draw("circle", { class: "seed", cx: x + 9, cy: up(value), r: 1.8 }),
  );
  return coloured(
    look,
    draw(
      "g",
      {},
      bar,
      ...seeds,
      mark(look, x, up(alpha.mean), says),
      label(x, Math.min(low, high) - 7, fixed(alpha.mean, 4), "middle", "name"),
      draw("title", {}, says),
    ),
  );
}

/** Everything, the highest acceptance first.
 *
 * @param {AblationView} view
 */
function everything(view) {
  const { definitions, baselines, seeds } = view.summary;
  const several = seeds.length > 1;
  const heads = [
    heading("exact α, 95 %", `${definitions.alpha}. ${definitions["alpha.ci"]}`),
    several ? heading("by seed", `${definitions["alpha.by_seed"]}: ${seeds.join(", ")}`) : null,
    ...baselines.map((name) => heading(`− ${name}, points`, definitions.difference)),
    heading("KL, nats", definitions.kl),
    heading("top-1", definitions.top1),
    heading("tokens a pass", definitions.block_efficiency),
    heading("speed-up", definitions.speedup),
    heading("own steps", definitions.own),
    heading("own sequences", definitions.own),
    heading("own seconds", definitions.own),
    heading("steps in all", definitions.total),
    heading("sequences in all", definitions.total),
    heading("seconds in all", definitions.total),
  ];
  const sorted = methodsOf(view);
  const rows = sorted.map((method, at) =>
    make(
      "tr",
      { "data-method": method.name, class: method.name === view.baseline && "baseline" },
      make(
        "th",
        { scope: "row", title: method.made },
        called(view.looks[method.name]),
        make("span", { class: "range" }, method.made),
      ),
      cell(method, "alpha.mean", 4, "", { range: between(method.alpha.ci), best: at === 0 }),
      several
        ? make(
            "td",
            {},
            ...method.alpha.by_seed.map((alpha) =>
              make("span", { class: "range" }, fixed(alpha, 4)),
            ),
          )
        : null,
      ...baselines.map((name) => tableDifference(method, name)),
      cell(method, "kl", 4),
      cell(method, "top1", 4),
      cell(method, "block_efficiency", 3),
      cell(method, "speedup.median", 2, " ×", {
        range: several && method.speedup.by_seed.map((speedup) => fixed(speedup, 2)).join(", "),
      }),
      ...["steps", "sequences", "seconds", "total.steps", "total.sequences", "total.seconds"].map(
        (name) =>
          make(
            "td",
            { "data-value": field(method, name), "data-field": name },
            amount(field(method, name)),
          ),
      ),
    ),
  );
  return tableOf("Everything", heads, rows, { class: "everything" });
}

/**
 * @param {Method} method
 * @param {string} name
 * @param {number} digits
 * @param {string} [unit]
 * @param {{ range?: string | false, best?: boolean }} [more]
 */
function cell(method, name, digits, unit = "", { range, best } = {}) {
  const value = field(method, name);
  return make(
    "td",
    { "data-value": value, "data-field": name },
    make("span", { class: best && "best" }, fixed(value, digits) + unit),
    range ? make("span", { class: "range" }, range) : null,
  );
}

/**
 * @param {Method} method
 * @param {string} baseline
 */
function tableDifference(method, baseline) {
  const difference = method.difference[baseline];
  if (!difference) return make("td", {}, "–");
  return make(
    "td",
    {
      "data-value": difference.value,
      "data-field": `difference.${baseline}`,
      title: `Budget: ${difference.budget.says}.`,
    },
    make("span", {}, points(difference.value)),
    make("span", { class: "range" }, `${points(difference.low)} … ${points(difference.high)}`),
    make(
      "span",
      { class: `verdict ${difference.verdict.split(" ")[0]}` },
      `${SIGNS_OF[difference.verdict]} ${difference.verdict}`,
    ),
  );
}

/**
 * @param {HTMLElement} parent
 * @returns {Mounted<Data>}
 */
function ablationBoard(parent) {
  const root = make("div", { class: "compare ablation" });
  parent.append(root);
  /** @type {string | null} the view's id */
  let shown = null;

  /** @param {AblationView} view */
  function show(view) {
    if (view.id === shown) return;
    shown = view.id;
    const { recipe, seeds, target, prompts, notes } = view.summary;
    const count = `${seeds.length > 1 ? "seeds" : "seed"} ${seeds.join(", ")}`;
    root.replaceChildren(
      make(
        "p",
        {},
        `${recipe.replace(/\/seed\d+$/, "")} · ${count} · target ${target} · exact acceptance on the target's own text after ${amount(prompts)} held-out prompts`,
      ),
      costFigure(view),
      differenceRows(view),
      make(
        "p",
        { class: "quiet" },
        `Differences are made on the same prompts within each seed; intervals: 95 %, over ${overWhat(view)}, not adjusted ` +
          "for there being many: one in twenty leaves out 0 by chance where nothing differs. " +
          notes.join(" "),
      ),
      ratios(view),
      everything(view),
    );
  }

  return { show: ({ view }) => show(view), leave: () => root.remove() };
}

export default component(ablationBoard);
