/** A card: all that is known of one token. The numbers' definitions are their titles. */

/** @import { Role, Drawn } from "../shared/types" */
/** @import { Model } from "./model" */
/** @import { Reading } from "./view" */

import { WIDE, chart } from "../shared/chart.js";
import { draw, make } from "../shared/dom.js";
import { GLOSSARY } from "../shared/glossary.js";
import { spelled } from "../shared/glyphs.js";
import { thousandths, written } from "../shared/numbers.js";
import { term } from "../shared/term.js";
import { sentence } from "./sentence.js";

const SYMBOLS = { target: "p", stock: "q₀", reference: "r", draft: "q", rival: "q′" };
const DEFINITIONS = {
  probability: GLOSSARY.probability.text,
  kl: GLOSSARY.kl.text,
  overlap: GLOSSARY.overlap.text,
  rank: GLOSSARY.rank.text,
  delta: GLOSSARY.delta.text,
  entry: GLOSSARY.entry.text,
  entropy: GLOSSARY.entropy.text,
  guesses: "The model's five likeliest tokens here. ▸ marks the one that came.",
  learning: "KL of this token at every checkpoint of the draft's training. ● is the one shown.",
};

/**
 * @param {Model} model
 * @param {number} row
 */
export function card(model, row) {
  const body = model.reading.response[row]
    ? [
        sentence(model, row),
        guessLists(model, row),
        numbers(model, row),
        facts(model, row),
        learning(model, row),
      ]
    : [make("p", { class: "quiet" }, "A token of the prompt: nothing is measured here.")];
  const element = make("article", { class: "card" }, heading(model.reading, row), ...body);
  element.dataset.row = String(row);
  return element;
}

/**
 * @param {Reading} reading
 * @param {number} row
 */
function heading(reading, row) {
  const whole = reading.whole(row);
  return make(
    "header",
    {},
    spelled(reading.piece(row), { class: "title" }),
    whole === undefined ? null : make("span", {}, "part of ", spelled({ text: whole })),
    make(
      "span",
      { class: "quiet" },
      `token ${row + 1} of ${reading.rows} · id ${reading.ids[row]}`,
    ),
  );
}

/** The models in question, those that there are.
 *
 * @param {Model} model
 * @param {(keyof typeof SYMBOLS)[]} names
 */
function models({ roles }, names) {
  return names.flatMap((role) => {
    const snapshot = role === "target" ? role : roles[role];
    return snapshot === undefined ? [] : [{ role, snapshot, symbol: SYMBOLS[role] }];
  });
}

/**
 * @param {Model} model
 * @param {number} row
 */
function guessLists(model, row) {
  const lists = models(model, ["target", "reference", "draft"]).map(
    ({ role, snapshot, symbol }) => {
      const guesses = model.reading.guesses(snapshot, row);
      if (!guesses) return null;
      return make(
        "div",
        { title: DEFINITIONS.guesses },
        make("h3", {}, `${role} ${symbol}`),
        ...guesses.map((guess) => guessBar(model.reading, row, guess)),
      );
    },
  );
  return make("div", { class: "guesses" }, ...lists);
}

/**
 * @param {Reading} reading
 * @param {number} row
 * @param {{ id: number, p: number }} guess
 */
function guessBar(reading, row, { id, p }) {
  const came = id === reading.ids[row];
  return make(
    "div",
    { class: came ? "guess came" : "guess", style: `--p:${p}` },
    make("span", { class: "mark" }, came ? "▸" : ""),
    spelled(reading.word(id)),
    make("span", {}, written(p)),
  );
}

/** What each model says of the token that came.
 *
 * @param {Model} model
 * @param {number} row
 */
function numbers(model, row) {
  const { reading } = model;
  const number = (/** @type {string} */ name, /** @type {string} */ snapshot) =>
    reading.measure(name, snapshot)?.[row];
  const ofTarget = (/** @type {string} */ name) => reading.measure(name)?.[row];
  const cell = (/** @type {number | undefined} */ value, /** @type {string} */ title) =>
    make("td", { title }, written(value));
  const rows = models(model, ["target", "stock", "reference", "draft", "rival"]).map(
    ({ role, snapshot, symbol }) => {
      const target = role === "target";
      return make(
        "tr",
        { "data-role": role },
        make(
          "th",
          { scope: "row" },
          swatch(reading.snapshots[snapshot]),
          label(model, role, symbol),
        ),
        cell(target ? ofTarget("p") : number("q", snapshot), DEFINITIONS.probability),
        cell(target ? ofTarget("rank") : number("rank", snapshot), DEFINITIONS.rank),
        cell(target ? 0 : number("kl", snapshot), DEFINITIONS.kl),
        cell(target ? 1 : number("overlap", snapshot), DEFINITIONS.overlap),
      );
    },
  );
  const names = [
    ["p(token)", DEFINITIONS.probability],
    ["rank", DEFINITIONS.rank],
    ["KL", DEFINITIONS.kl],
    ["β", DEFINITIONS.overlap],
  ];
  return make(
    "table",
    {},
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        make("td"),
        ...names.map(([name, help]) => make("th", { scope: "col" }, term(name, help))),
      ),
    ),
    make("tbody", {}, ...rows),
  );
}

/** @param {Pick<Drawn, "colour">} [snapshot] */
export function swatch(snapshot) {
  return make("i", { class: "swatch", style: `--c:${snapshot?.colour ?? "transparent"}` });
}

/**
 * @param {Model} model
 * @param {keyof typeof SYMBOLS} role
 * @param {string} symbol
 */
function label({ reading, roles }, role, symbol) {
  const snapshot = role === "target" ? undefined : roles[role];
  const name = reading.snapshots[snapshot ?? ""]?.label;
  return `${role} ${symbol}${name && name !== role ? ` · ${name}` : ""}`;
}

/**
 * @param {Model} model
 * @param {number} row
 */
function facts(model, row) {
  const { reading, roles, selecting } = model;
  const kl = (/** @type {Role} */ role) => reading.measure("kl", roles[role])?.[row] ?? NaN;
  /** @type {HTMLElement[]} */
  const list = [];
  /**
   * @param {string} name
   * @param {string} title
   * @param {string} value
   */
  const fact = (name, title, value) => {
    list.push(make("div", {}, make("dt", {}, term(name, title)), make("dd", {}, value)));
  };
  if (roles.reference) fact("ΔL", DEFINITIONS.delta, written(kl("draft") - kl("reference")));
  for (const pool of Object.keys(reading.pools)) {
    const entry = reading.entries(pool, selecting)?.[row];
    const title = `${DEFINITIONS.entry} ${reading.pools[pool]}`;
    if (entry !== undefined) fact(`kept (${pool})`, title, keptFrom(entry));
  }
  const entropy = reading.measure("entropy")?.[row];
  if (entropy !== undefined) fact("H(p)", DEFINITIONS.entropy, written(entropy));
  return make("dl", {}, ...list);
}

/** @param {number} entry */
export function keptFrom(entry) {
  return entry <= 1000 ? `from k = ${thousandths(entry)} on` : "never";
}

/** Learned when?
 *
 * @param {Model} model
 * @param {number} row
 */
function learning(model, row) {
  const { reading, roles } = model;
  const points = reading.timeline
    .map((snapshot) => ({ snapshot, kl: reading.measure("kl", snapshot)?.[row] ?? NaN }))
    .filter(({ kl }) => !Number.isNaN(kl));
  if (points.length < 2) return null;
  const most = Math.max(...points.map(({ kl }) => kl), 1e-9);
  const places = points.map(({ kl }, at) => ({
    x: 20 + (at * (WIDE - 40)) / (points.length - 1),
    y: 90 - 80 * (kl / most),
  }));
  const shown = points.findIndex(({ snapshot }) => snapshot === roles.draft);
  const line = places.map(({ x, y }) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L");
  const dot = (/** @type {{ x: number, y: number }} */ { x, y }) =>
    `M${x.toFixed(1)} ${y.toFixed(1)}h0`;
  const [first, last] = [points[0], points[points.length - 1]];
  const step = (/** @type {string} */ snapshot) => reading.snapshots[snapshot]?.step ?? 0;
  return make(
    "figure",
    { class: "learning", title: DEFINITIONS.learning },
    make("figcaption", {}, "KL while it was trained"),
    chart(
      { "aria-hidden": "true" },
      draw("path", { class: "line", d: `M${line}` }),
      draw("path", { class: "dots", d: places.map(dot).join("") }),
      draw("path", { class: "dot", d: shown < 0 ? "" : dot(places[shown]) }),
    ),
    make(
      "div",
      { class: "ends quiet" },
      make("span", {}, `step ${step(first.snapshot)}: ${written(first.kl)}`),
      make("span", {}, `step ${step(last.snapshot)}: ${written(last.kl)}`),
    ),
  );
}
