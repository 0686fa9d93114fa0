/* A card: all that is known of one token. The numbers' definitions are their titles. */

const SYMBOLS = { target: "p", stock: "q₀", reference: "r", draft: "q", rival: "q′" };
const DEFINITIONS = {
  probability: "The probability that the model gave to this very token.",
  kl:
    "KL of the target p to this model, Σ p (ln p − ln q) over the whole vocabulary, in nats: " +
    "0 means that they are equal here.",
  overlap: "β = Σ min(p, q): the exact probability that a token drafted here is accepted.",
  rank: "Place of this token among all that the model could say: 1 is its likeliest.",
  delta: "ΔL = KL(p‖q) − KL(p‖r), in nats: how much better the reference does than the draft.",
  entry: "The smallest share k of tokens at which AdaSPEC keeps this one: the largest ΔL first.",
  entropy: "H(p) = −Σ p ln p, in nats: how unsure the target itself is.",
  guesses: "The model's five likeliest tokens here. ▸ marks the one that came.",
  learning: "KL of this token at every checkpoint of the draft's training. ● is the one shown.",
};

function card(model, row) {
  const body = model.reading.response[row]
    ? [guessLists(model, row), numbers(model, row), facts(model, row), learning(model, row)]
    : [make("p", { class: "quiet" }, "A token of the prompt: nothing is measured here.")];
  const element = make("article", { class: "card" }, heading(model.reading, row), ...body);
  element.dataset.row = row;
  return element;
}

function heading(reading, row) {
  const whole = reading.whole(row);
  return make(
    "header",
    {},
    spelled(reading.piece(row), { class: "title" }),
    whole === undefined ? null : make("span", {}, "part of ", spelled({ text: whole })),
    make("span", { class: "quiet" }, `token ${row + 1} of ${reading.rows} · id ${reading.ids[row]}`),
  );
}

/* The models in question: [role, snapshot, symbol], those that there are. */
function models({ roles }, names) {
  return names
    .map((role) => [role, role === "target" ? "target" : roles[role], SYMBOLS[role]])
    .filter(([, snapshot]) => snapshot !== undefined);
}

function guessLists(model, row) {
  const lists = models(model, ["target", "reference", "draft"])
    .map(([role, snapshot, symbol]) => [
      `${role} ${symbol}`,
      model.reading.guesses(snapshot, row),
    ])
    .filter(([, guesses]) => guesses)
    .map(([name, guesses]) =>
      make(
        "div",
        { title: DEFINITIONS.guesses },
        make("h4", {}, name),
        ...guesses.map((guess) => guessBar(model.reading, row, guess)),
      ),
    );
  return make("div", { class: "guesses" }, ...lists);
}

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

/* What each model says of the token that came. */
function numbers(model, row) {
  const { reading } = model;
  const number = (column, snapshot) => reading.measure(column, snapshot)?.[row];
  const cell = (value, title) => make("td", { title }, written(value));
  const rows = models(model, ["target", "stock", "reference", "draft", "rival"]).map(
    ([role, snapshot, symbol]) => {
      const target = role === "target";
      return make(
        "tr",
        { "data-role": role },
        make("th", { scope: "row" }, swatch(reading.snapshots[snapshot]), label(model, role, symbol)),
        cell(target ? number("p") : number("q", snapshot), DEFINITIONS.probability),
        cell(target ? number("rank") : number("rank", snapshot), DEFINITIONS.rank),
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
    make("thead", {}, make(
      "tr",
      {},
      make("td"),
      ...names.map(([name, title]) => make("th", { scope: "col", title }, name)),
    )),
    make("tbody", {}, ...rows),
  );
}

function swatch(snapshot) {
  return make("i", { class: "swatch", style: `--c:${snapshot?.colour ?? "transparent"}` });
}

function label({ reading, roles }, role, symbol) {
  const name = reading.snapshots[roles[role]]?.label;
  return `${role} ${symbol}${name && name !== role ? ` · ${name}` : ""}`;
}

function facts(model, row) {
  const { reading, roles } = model;
  const kl = (role) => reading.measure("kl", roles[role])?.[row];
  const found = [];
  const fact = (name, title, value) => {
    found.push(make("div", { title }, make("dt", {}, name), make("dd", {}, value)));
  };
  if (roles.reference) fact("ΔL", DEFINITIONS.delta, written(kl("draft") - kl("reference")));
  for (const pool of Object.keys(reading.pools)) {
    const entry = reading.entries(pool, roles.draft)?.[row];
    const title = `${DEFINITIONS.entry} ${reading.pools[pool]}`;
    if (entry !== undefined) fact(`kept (${POOLS[pool] ?? pool})`, title, keptFrom(entry));
  }
  const entropy = reading.measure("entropy")?.[row];
  if (entropy !== undefined) fact("H(p)", DEFINITIONS.entropy, written(entropy));
  return make("dl", {}, ...found);
}

const POOLS = { corpus: "corpus", batch: "batch" };

function keptFrom(entry) {
  return entry <= 1000 ? `from k = ${thousandths(entry)} on` : "never";
}

/* Learned when? */
function learning(model, row) {
  const { reading, roles } = model;
  const points = reading.timeline
    .map((snapshot) => ({ snapshot, kl: reading.measure("kl", snapshot)?.[row] }))
    .filter(({ kl }) => kl !== undefined);
  if (points.length < 2) return null;
  const most = Math.max(...points.map(({ kl }) => kl), 1e-9);
  const at = ({ kl }, index) => ({
    x: 20 + (index * (WIDE - 40)) / (points.length - 1),
    y: 90 - 80 * (kl / most),
  });
  const places = points.map(at);
  const shown = points.findIndex(({ snapshot }) => snapshot === roles.draft);
  const line = places.map(({ x, y }) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L");
  const dot = ({ x, y }) => `M${x.toFixed(1)} ${y.toFixed(1)}h0`;
  const step = ({ snapshot }) => reading.snapshots[snapshot]?.step ?? 0;
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
      make("span", {}, `step ${step(points[0])}: ${written(points[0].kl)}`),
      make("span", {}, `step ${step(points.at(-1))}: ${written(points.at(-1).kl)}`),
    ),
  );
}
