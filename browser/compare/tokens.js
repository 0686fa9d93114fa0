/* The tokens behind the numbers: overlap against KL with its floor, top-1 agreement of two drafts as
   a 2 x 2, and one list of tokens that a rectangle or a cell fills. */

import { column } from "../shared/columns.js";
import { draw, fill, make, spelled } from "../shared/dom.js";
import { clamp } from "../shared/scale.js";
import { cell, told } from "./ablation.js";
import { H, apart, label, short } from "./figures.js";
import { rowsOf } from "./tables.js";
import { amount, called, fixed, share } from "./words.js";

const SIZE = { width: 640, height: 400, left: 52, right: 12, top: 12, bottom: 44 };
export const KL = [1e-4, 20]; // nats, drawn on a log scale; what lies beyond is drawn at the edge
const WHOLE = { kl: [0, KL[1]], beta: [0, 1] };
const LISTED = 100;
const CELLS = [
  ["both", "both", (a, b) => a && b],
  ["first", "only the first", (a, b) => a && !b],
  ["second", "only the second", (a, b) => !a && b],
  ["none", "neither", (a, b) => !a && !b],
];

function readTokens({ drafts, ...tokens }) {
  const columns = (draft) =>
    Object.fromEntries(Object.entries(draft).map(([name, values]) => [name, column(values)]));
  return {
    ...tokens,
    seq: column(tokens.seq),
    row: column(tokens.row),
    p: column(tokens.p),
    windows: column(tokens.windows),
    drafts: Object.fromEntries(Object.entries(drafts).map(([key, draft]) => [key, columns(draft)])),
  };
}

/* The smallest overlap that a token with this KL can have. */
function floorOf(kl) {
  return 1 - Math.min(Math.sqrt(kl / 2), Math.sqrt(1 - Math.exp(-kl)));
}

export const across = (kl) => {
  const where = Math.log(clamp(kl, ...KL) / KL[0]) / Math.log(KL[1] / KL[0]);
  return SIZE.left + where * (SIZE.width - SIZE.left - SIZE.right);
};
const upward = (beta) => SIZE.top + (1 - clamp(beta, 0, 1)) * (SIZE.height - SIZE.top - SIZE.bottom);
const klAt = (x) => {
  const where = clamp((x - SIZE.left) / (SIZE.width - SIZE.left - SIZE.right), 0, 1);
  return where === 0 ? 0 : KL[0] * (KL[1] / KL[0]) ** where;
};
const betaAt = (y) => clamp(1 - (y - SIZE.top) / (SIZE.height - SIZE.top - SIZE.bottom), 0, 1);

/* The rows of a draft in a rectangle of KL and overlap, both ends included. */
export function inside(draft, { kl, beta }) {
  const found = [];
  // What lies beyond the right end is drawn there, and belongs to a rectangle that reaches it.
  const end = kl[1] >= KL[1] ? Infinity : kl[1];
  for (let row = 0; row < draft.kl.length; row += 1) {
    const [x, y] = [draft.kl[row], draft.overlap[row]];
    if (x >= kl[0] && x <= end && y >= beta[0] && y <= beta[1]) found.push(row);
  }
  return found;
}

export function tokenSection(view, given, alone, changed) {
  const tokens = readTokens(view.tokens);
  const keys = Object.keys(tokens.drafts);
  const { baseline } = view.comparison;
  const firstKey = keys.filter((key) => key !== baseline).at(-1) ?? keys[0];
  const list = tokenList(view, tokens, alone, (row) => cloud.point(row));
  const cloud = scatter(view, tokens, given.scatter ?? firstKey, (rows, says, key) => {
    const { kl } = tokens.drafts[key];
    enlist(table, rows, `${says}, largest KL first`, (row) => kl[row]);
  });
  const table = agreement(view, tokens, given.agree ?? [firstKey, baseline], (rows, says, [a, b]) => {
    const apart = (row) => Math.abs(tokens.drafts[a].overlap[row] - tokens.drafts[b].overlap[row]);
    enlist(cloud, rows, `${says}, where β differs most first`, apart);
  });

  /* What a rectangle or a cell lists, greatest first; it takes the other away. Null: it is gone. */
  function enlist(other, rows, says, size) {
    if (rows) {
      other.clear();
      list.show(rows.sort((one, next) => size(next) - size(one)), says);
    } else if (!other.lists()) list.show([], "");
    changed();
  }

  function open({ kl, beta, cell }) {
    if (kl || beta) cloud.choose({ kl: kl ?? WHOLE.kl, beta: beta ?? WHOLE.beta });
    else if (cell) table.open(cell);
  }

  /* As app/components/compare_board.py has it: null is what a viewer finds. */
  function state() {
    const { key, rectangle } = cloud.state();
    const { pair, cell } = table.state();
    return {
      scatter: key === firstKey ? null : key,
      kl: rectangle?.kl ?? null,
      beta: rectangle?.beta ?? null,
      agree: pair[0] === firstKey && pair[1] === baseline ? null : pair,
      cell,
    };
  }

  const part =
    tokens.rows < tokens.total
      ? `${amount(tokens.rows)} of ${amount(tokens.total)} tokens, evenly spaced over all prompts, are drawn and listed; counts are of all.`
      : `All ${amount(tokens.total)} tokens of the target's own text.`;
  const element = make(
    "section",
    { class: "tokens" },
    make("h2", {}, "Tokens behind the numbers"),
    make("p", { class: "quiet" }, part),
    make("div", { class: "pair" }, cloud.element, table.element),
    list.element,
  );
  return { element, open, state };
}

/* Overlap against KL; a rectangle drawn on it, or typed, lists its tokens. */
function scatter(view, tokens, key, onRows) {
  const canvas = make("canvas", { width: 2 * SIZE.width, height: 2 * SIZE.height, "aria-hidden": "true" });
  const paper = canvas.getContext("2d");
  const box = draw("rect", { class: "box" });
  const ring = draw("circle", { class: "ring", r: 7 });
  const over = draw("svg", { viewBox: `0 0 ${SIZE.width} ${SIZE.height}`, "aria-hidden": "true" }, ...frame(), box, ring);
  const plot = make("div", { class: "plot" }, canvas, over);
  const pick = make(
    "select",
    { "aria-label": "Draft of the scatter" },
    ...Object.keys(tokens.drafts).map((one) => make("option", { value: one, selected: one === key }, view.looks[one].label)),
  );
  const fields = [["KL from", 0, "any"], ["to", KL[1], "any"], ["β from", 0, "any"], ["to", 1, "any"]].map(
    ([text, value, step], at) => {
      const name = `${["KL", "KL", "overlap", "overlap"][at]} ${at % 2 ? "to" : "from"}`;
      return make("label", {}, text, make("input", { type: "number", min: 0, step, value, "aria-label": name }));
    },
  );
  const inputs = fields.map((one) => one.querySelector("input"));
  const told = make("p", { class: "quiet" });
  let rectangle = null;
  let chosen = new Set();
  let from = null;

  function frame() {
    const floor = Array.from({ length: 121 }, (_, at) => {
      const kl = KL[0] * (KL[1] / KL[0]) ** (at / 120);
      return `${across(kl).toFixed(1)} ${upward(floorOf(kl)).toFixed(1)}`;
    });
    const powers = [0.0001, 0.001, 0.01, 0.1, 1, 10];
    return [
      ...[0, 0.25, 0.5, 0.75, 1].flatMap((tick) => [
        draw("path", { class: "grid", d: `M${SIZE.left} ${upward(tick)}H${SIZE.width - SIZE.right}` }),
        label(SIZE.left - 8, upward(tick) + 4, String(tick), "end"),
      ]),
      ...powers.map((tick) => label(across(tick), SIZE.height - SIZE.bottom + 18, tick === KL[0] ? "≤ 0.0001" : String(tick), tick === KL[0] ? "start" : "middle")),
      label((SIZE.left + SIZE.width) / 2, SIZE.height - 6, "KL(p‖q) of the token, nats", "middle", "title"),
      fill(label(0, 0, "overlap β", "middle", "title"), { transform: `translate(13 ${SIZE.height / 2 - 20}) rotate(-90)` }, []),
      draw("path", { class: "floor", d: `M${floor.join("L")}` }),
      label(across(0.012), upward(0.62), "floor: no token can lie below", "middle", "floor-name"),
    ];
  }

  function paint() {
    const { kl, overlap } = tokens.drafts[key];
    const style = getComputedStyle(plot);
    paper.setTransform(2, 0, 0, 2, 0, 0);
    paper.clearRect(0, 0, SIZE.width, SIZE.height);
    const any = rectangle !== null;
    paper.fillStyle = view.looks[key].colour;
    paper.globalAlpha = any ? 0.18 : Math.max(0.25, Math.min(0.7, 1500 / tokens.rows));
    for (let row = 0; row < tokens.rows; row += 1) dot(kl[row], overlap[row], 1.8);
    paper.globalAlpha = 1;
    paper.fillStyle = style.color;
    for (const row of chosen) dot(kl[row], overlap[row], 2.2);
  }

  function dot(kl, beta, radius) {
    const [x, y] = [across(kl), upward(beta)];
    paper.fillRect(x - radius, y - radius, 2 * radius, 2 * radius);
  }

  /* Choose what lies in the rectangle; null takes it away. Whoever types is not written over. */
  function choose(next, { tell = true, typed = false } = {}) {
    rectangle = next;
    const rows = next ? inside(tokens.drafts[key], next) : [];
    chosen = new Set(rows);
    if (next) {
      const [left, right] = next.kl.map(across);
      const [bottom, top] = next.beta.map(upward);
      fill(box, { x: left, y: top, width: Math.max(1, right - left), height: Math.max(1, bottom - top) }, []);
    }
    const { kl, beta } = next ?? WHOLE;
    if (!typed) inputs.forEach((input, at) => (input.value = [...kl, ...beta][at]));
    box.toggleAttribute("hidden", !next);
    ring.setAttribute("hidden", "");
    paint();
    say(rows.length);
    if (tell) onRows(next && rows, `${amount(rows.length)} tokens in the rectangle (${view.looks[key].label})`, key);
  }

  function say(count) {
    const below = view.comparison.floor[key];
    told.textContent =
      (rectangle ? `${amount(count)} tokens in the rectangle. ` : "Draw a rectangle, or type its limits, to list its tokens. ") +
      (below ? `${amount(below)} tokens lie below the floor: their measurement cannot be right.` : "No token lies below the floor.");
  }

  function at(event) {
    const { left, top, width } = plot.getBoundingClientRect();
    const scale = SIZE.width / width;
    return [(event.clientX - left) * scale, (event.clientY - top) * scale];
  }

  function spanned(event) {
    const [[x0, y0], [x1, y1]] = [from, at(event)];
    const short = (value) => Number(value.toPrecision(4)); // as it is written, here and in the address
    return {
      kl: [klAt(Math.min(x0, x1)), klAt(Math.max(x0, x1))].map(short),
      beta: [betaAt(Math.max(y0, y1)), betaAt(Math.min(y0, y1))].map(short),
    };
  }

  plot.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    plot.setPointerCapture(event.pointerId);
    from = at(event);
  });
  plot.addEventListener("pointermove", (event) => {
    if (from) choose(spanned(event), { tell: false });
  });
  plot.addEventListener("pointerup", (event) => {
    if (!from) return;
    const [x, y] = at(event);
    const clicked = Math.hypot(x - from[0], y - from[1]) < 3;
    const next = clicked ? null : spanned(event);
    from = null;
    choose(next);
  });
  plot.addEventListener("pointercancel", () => (from = null));
  for (const input of inputs) {
    input.addEventListener("input", () => {
      const [low, high, least, most] = inputs.map((one) => one.valueAsNumber);
      if (0 <= low && low <= high && 0 <= least && least <= most) choose({ kl: [low, high], beta: [least, most] }, { typed: true });
    });
  }
  pick.addEventListener("change", () => {
    key = pick.value;
    choose(rectangle);
  });

  const element = make(
    "figure",
    { class: "scatter" },
    make(
      "figcaption",
      { title: view.comparison.definitions.floor },
      make("abbr", {}, "Overlap β against KL"),
      pick,
    ),
    plot,
    make("div", { class: "limits" }, ...fields),
    told,
  );
  const watch = new ResizeObserver(paint); // also the first time, once its colours are known
  watch.observe(plot);
  box.setAttribute("hidden", "");
  ring.setAttribute("hidden", "");
  say(0);
  return {
    element,
    choose,
    clear: () => {
      if (rectangle) choose(null, { tell: false });
    },
    lists: () => rectangle !== null,
    state: () => ({ key, rectangle }),
    point(row) {
      ring.toggleAttribute("hidden", row === null);
      if (row === null) return;
      const { kl, overlap } = tokens.drafts[key];
      fill(ring, { cx: across(kl[row]), cy: upward(overlap[row]) }, []);
    },
  };
}

/* Whose likeliest token is the target's: both drafts', one's alone, or neither's. */
function agreement(view, tokens, pair, onRows) {
  const keys = Object.keys(tokens.drafts);
  const chooser = (name, chosen) =>
    make(
      "select",
      { "aria-label": `${name} draft of the agreement` },
      ...keys.map((key) => make("option", { value: key, selected: key === chosen }, view.looks[key].label)),
    );
  const selects = [chooser("First", pair[0]), chooser("Second", pair[1])];
  let cell = null;
  const body = make("div", {});
  const element = make(
    "figure",
    { class: "agreement" },
    make(
      "figcaption",
      { title: view.comparison.definitions.agreement },
      make("abbr", {}, "Top-1 agreement with the target"),
    ),
    make("div", { class: "limits" }, selects[0], "against", selects[1]),
    body,
    make("p", { class: "quiet" }, "Greedy decoding accepts where a draft agrees. A cell lists its tokens below."),
  );

  const drafts = () => selects.map((one) => one.value);

  function counts(a, b) {
    const found = view.comparison.agreement.find(
      ({ drafts }) => drafts.includes(a) && drafts.includes(b),
    );
    return found.drafts[0] === a ? found : { ...found, first: found.second, second: found.first };
  }

  function show() {
    const [a, b] = drafts();
    if (a === b) {
      body.replaceChildren(make("p", {}, "Choose two different drafts."));
      return;
    }
    const found = counts(a, b);
    const total = CELLS.reduce((sum, [name]) => sum + found[name], 0);
    const button = (name) => {
      const says = cellSays(name, view.looks[a].label, view.looks[b].label);
      const element = make(
        "button",
        { type: "button", "data-cell": name, "data-value": found[name], "aria-pressed": "false", title: `${says}: ${amount(found[name])} of ${amount(total)} tokens` },
        make("strong", {}, amount(found[name])),
        make("span", { class: "range" }, share(found[name], total)),
      );
      element.style.setProperty("--v", found[name] / total);
      element.addEventListener("click", () => open(name === cell ? null : name));
      return make("td", {}, element);
    };
    const side = (key, text) => make("th", { scope: key === a ? "col" : "row" }, called(view.looks[key]), ` ${text}`);
    body.replaceChildren(
      make(
        "table",
        { class: "two" },
        make("thead", {}, make("tr", {}, make("td"), side(a, "agrees"), side(a, "does not"))),
        make(
          "tbody",
          {},
          make("tr", {}, side(b, "agrees"), button("both"), button("second")),
          make("tr", {}, side(b, "does not"), button("first"), button("none")),
        ),
      ),
    );
  }

  /* List the tokens of a cell, if there is one. */
  function open(name) {
    const [a, b] = drafts();
    press(a === b ? null : name);
    const says = cell && cellSays(cell, view.looks[a].label, view.looks[b].label);
    const rows = cell && rowsOf(cell, a, b);
    onRows(rows, `${amount(rows?.length)} tokens: ${says}`, [a, b]);
  }

  function rowsOf(name, a, b) {
    const [, , test] = CELLS.find(([one]) => one === name);
    const [one, other] = [tokens.drafts[a].agree, tokens.drafts[b].agree];
    return [...one.keys()].filter((row) => test(one[row], other[row]));
  }

  function press(name) {
    cell = name;
    for (const one of body.querySelectorAll("button")) one.setAttribute("aria-pressed", String(one.dataset.cell === cell));
  }

  for (const one of selects) {
    one.addEventListener("change", () => {
      show();
      open(cell);
    });
  }
  show();
  return {
    element,
    open,
    clear: () => press(null),
    lists: () => cell !== null,
    state: () => ({ pair: drafts(), cell }),
  };
}

function cellSays(name, a, b) {
  return {
    both: "both have the target's likeliest token",
    first: `only ${a} has the target's likeliest token`,
    second: `only ${b} has the target's likeliest token`,
    none: "neither has the target's likeliest token",
  }[name];
}

/* Tokens with their contexts and every draft's numbers, each a link to the Tokens page. */
function tokenList(view, tokens, alone, onPoint) {
  const keys = Object.keys(tokens.drafts);
  const wide = tokens.before + 1;
  const title = make("h3", { "aria-live": "polite" });
  const body = make("tbody", {});
  const more = make("p", { class: "quiet" });
  const heads = keys.map((key) => [
    make("th", { scope: "col", title: view.comparison.definitions.overlap }, called(view.looks[key]), " β"),
    make("th", { scope: "col", title: view.comparison.definitions.kl }, "KL"),
  ]);
  const element = make(
    "div",
    { class: "listed", hidden: true },
    title,
    make(
      "div",
      { class: "scroll tall", tabindex: "0", role: "region", "aria-label": "Tokens listed" },
      make(
        "table",
        {},
        make(
          "thead",
          {},
          make(
            "tr",
            {},
            make("th", { scope: "col", title: "Number of the held-out prompt." }, "example"),
            make("th", { scope: "col", class: "text", title: "The token, after what stood before it." }, "token in its text"),
            make("th", { scope: "col", title: "Probability that the target gave this token." }, "p(token)"),
            ...heads.flat(),
          ),
        ),
        body,
      ),
    ),
    more,
  );

  function piece(row, at) {
    return tokens.vocabulary[tokens.windows[row * wide + at]];
  }

  function line(row) {
    const context = Array.from({ length: tokens.before }, (_, at) => spelled(piece(row, at)));
    const text = make("td", { class: "text" }, make("span", { class: "context" }, ...context), spelled(piece(row, tokens.before), { class: "came" }));
    const example = `#${tokens.seq[row]}`;
    const element = make(
      "tr",
      { "data-row": row },
      make("td", {}, alone ? example : make("a", { href: address(row), target: "_self" }, example)),
      text,
      make("td", {}, fixed(tokens.p[row], 3)),
      ...keys.flatMap((key) => [
        make("td", {}, fixed(tokens.drafts[key].overlap[row], 3)),
        make("td", {}, fixed(tokens.drafts[key].kl[row], 3)),
      ]),
    );
    element.addEventListener("pointerenter", () => onPoint(row));
    element.addEventListener("pointerleave", () => onPoint(null));
    return element;
  }

  /* The Tokens page at this token, with the first draft that is no baseline. */
  function address(row) {
    const look = view.looks[keys.filter((key) => key !== view.comparison.baseline).at(-1) ?? keys[0]];
    const query = new URLSearchParams({
      run: look.run,
      example: tokens.seq[row],
      token: tokens.row[row],
      draft: look.name,
    });
    return `tokens?${query}`;
  }

  function show(rows, says) {
    element.toggleAttribute("hidden", rows.length === 0 && says === "");
    title.textContent = says;
    body.replaceChildren(...rows.slice(0, LISTED).map(line));
    more.textContent = rows.length > LISTED ? `The first ${LISTED} of ${amount(rows.length)} are listed.` : "";
  }

  return { element, show };
}
