/* Drafts side by side on one prompt, a column a draft, in step.

   `free`: a row a round of each draft's own decoding; the texts part where the uniforms fall out
   differently. `forced`: a row a token of the target's recorded text, the same for every draft.
   What two drafts decide differently is marked, counted and can be jumped to. The server hears of the
   row reached and of the two drafts when they have rested. */

import { column } from "../shared/columns.js";
import { make, spelled, whenRested } from "../shared/dom.js";
import { spell } from "../shared/glyphs.js";
import { place } from "../shared/scale.js";
import { cell, told } from "./ablation.js";
import { mark } from "./figures.js";
import { KL } from "./tokens.js";
import { called, fixed } from "./words.js";

const lanesOf = new WeakMap(); // parent element -> what is mounted there

/* What is the same for both modes once it is read: rows with a cell a draft, the places where
   decisions differ between two drafts, and what each draft has reached after a row. */

function readFree(view) {
  const lanes = Object.fromEntries(
    Object.entries(view.lanes).map(([key, { rounds }]) => [key, readRounds(rounds)]),
  );
  const texts = Object.fromEntries(Object.entries(lanes).map(([key, lane]) => [key, lane.text]));
  const base = texts[view.baseline];
  const parts = (key) => (key === view.baseline ? Infinity : firstDifference(texts[key], base));
  return {
    unit: "round",
    head: [],
    left: () => [],
    cell: (key, row) => freeCell(view, lanes[key].rounds[row], parts(key)),
    score: (key, row) => freeScore(lanes[key], row),
    versus: (a, b) => {
      const shared = firstDifference(texts[a], texts[b]);
      const found = [];
      for (const [place, one] of lanes[a].tested) {
        const other = lanes[b].tested.get(place);
        if (place > shared || !other || one.accepted === other.accepted) continue;
        found.push({ rows: [one.row, other.row], place, keeps: one.accepted ? a : b, tokens: [one.token, other.token] });
      }
      return found;
    },
  };
}

/* Rounds with the place of every proposal in the text; `tested` are those that were, by place. */
function readRounds(rounds) {
  const text = [];
  const tested = new Map();
  const read = rounds.map(({ proposals, last }, row) => {
    const start = text.length;
    const seen = proposals.map(([token, p, q, u, accepted], at) => {
      const one = { token, p, q, u, accepted, place: start + at, row };
      if (accepted !== null) tested.set(one.place, one);
      if (accepted) text.push(token);
      return one;
    });
    const end = last && { token: last[0], kind: last[1], place: text.length };
    if (end) text.push(end.token);
    return { proposals: seen, last: end, after: text.length };
  });
  return { rounds: read, text, tested };
}

/* The first place where two texts differ; that of the shorter one's end where they do not. */
function firstDifference(one, other) {
  const most = Math.min(one.length, other.length);
  for (let at = 0; at < most; at += 1) if (one[at] !== other[at]) return at;
  return one.length === other.length ? Infinity : most;
}

function freeCell(view, round, parts) {
  if (!round) return make("td", { class: "over" }, "–");
  const chips = round.proposals.map((one) => {
    const kind = one.accepted === null ? "untested" : one.accepted ? "accepted" : "rejected";
    const says =
      one.accepted === null
        ? "not tested: one before it was rejected"
        : `${kind}: u = ${one.u.toFixed(3)} against min(1, p/q) = ${Math.min(1, one.p / one.q).toFixed(3)}`;
    return chip(view, one, kind, `p = ${fixed(one.p, 3)}, q = ${fixed(one.q, 3)}. ${says}`, parts);
  });
  if (round.last) {
    const says =
      round.last.kind === "bonus"
        ? "bonus: all were accepted, and the target's pass gave one more"
        : "residual: the target's own, in place of the rejected one";
    chips.push(chip(view, round.last, round.last.kind, says, parts));
  }
  return make("td", {}, ...chips);
}

const MARKS = { accepted: "✓", rejected: "✕", untested: "", residual: "↻", bonus: "+" };

function chip(view, { token, place }, kind, says, parts) {
  const emitted = kind !== "rejected" && kind !== "untested";
  const parted = emitted && place === parts;
  const element = make("span", {
    class: `chip ${kind}${parted ? " parted" : ""}`,
    "data-place": place,
    title: `text place ${place + 1}, ${says}${parted ? ". From here on another text than the baseline's" : ""}`,
  });
  const text = make("span", { class: "piece" });
  spell(text, view.vocabulary[token]);
  element.append(text, make("i", { role: "img", "aria-label": kind }, MARKS[kind]));
  return element;
}

function freeScore({ rounds }, row) {
  const last = Math.min(row, rounds.length - 1);
  const [tokens, passes] = [rounds[last].after, last + 1];
  return [`${tokens} tokens in ${passes} ${passes === 1 ? "pass" : "passes"}`, `${(tokens / passes).toFixed(2)} a pass`];
}

function readForced(view) {
  const keep = (key, row) => Math.min(1, view.lanes[key].q[row] / view.p[row]);
  const keeps = (key, row) => view.u[row] < keep(key, row);
  const upTo = (key, row, of) => {
    let sum = 0;
    for (let at = 0; at <= row; at += 1) sum += of(key, at);
    return sum;
  };
  return {
    unit: "token",
    head: [
      ["token", "Of the target's recorded text."],
      ["p", "Probability that the target gave this token."],
      ["u", "The test's uniform in this place, the same for every draft and as in the replays."],
    ],
    left: (row) => {
      const text = make("td", { class: "text" }, spelled(view.vocabulary[view.ids[row]]));
      return [text, make("td", {}, fixed(view.p[row], 3)), make("td", {}, fixed(view.u[row], 3))];
    },
    cell: (key, row) => forcedCell(view, key, row, keep(key, row), keeps(key, row)),
    score: (key, row) => [
      `keeps ${upTo(key, row, keeps)} of ${row + 1}`,
      `${upTo(key, row, keep).toFixed(1)} expected`,
    ],
    versus: (a, b) =>
      view.ids.flatMap((token, row) =>
        keeps(a, row) === keeps(b, row)
          ? []
          : [{ rows: [row], place: row, keeps: keeps(a, row) ? a : b, tokens: [token, token] }],
      ),
  };
}

function forcedCell(view, key, row, keep, kept) {
  const { q, overlap, kl, agree } = view.lanes[key];
  const meter = make("span", { class: "meter" }, make("i"));
  meter.firstChild.style.width = `${(100 * keep).toFixed(1)}%`;
  const says =
    `${kept ? "kept" : "not kept"}: u = ${view.u[row].toFixed(3)} against min(1, q/p) = ${keep.toFixed(3)}; ` +
    `q = ${fixed(q[row], 4)}, β = ${fixed(overlap[row], 4)}, KL = ${fixed(kl[row], 4)} nats, ` +
    `likeliest token ${agree[row] ? "is" : "is not"} the target's`;
  return make(
    "td",
    { class: kept ? "kept" : "lost", "data-place": row, title: says },
    make("b", { role: "img", "aria-label": kept ? "kept" : "not kept" }, kept ? "✓" : "✕"),
    meter,
    make("span", { class: "number" }, keep.toFixed(2)),
    make("span", { class: "number faint" }, `β ${overlap[row].toFixed(2)}`),
  );
}

const EXPLAINED = {
  free:
    "Every draft decodes by itself, with the same uniforms. ✓ accepted, ✕ rejected and struck, ↻ the " +
    "target's own in its place, + bonus, faint: not tested. A bar before a token: from there on the " +
    "text is another than the baseline's.",
  forced:
    "Every draft meets the text that the target wrote, token by token. Bar and number: min(1, q/p), the " +
    "probability that a proposal of this draft is accepted given that this token comes; β before " +
    "the token is known. ✓ kept: u < min(1, q/p), with the place's test uniform u of the replays.",
};

function lanes(parent) {
  const root = make("div", { class: "lanes" });
  parent.append(root);
  let shown = null;
  let report = () => {};
  const telling = whenRested((state) => report({ ...state, of: shown }));

  function show(view, given, reporter) {
    report = reporter;
    if (view.id === shown) return;
    shown = view.id;
    build(view, given, view.mode === "free" ? readFree(view) : readForced(view));
    telling.forget(); // the server knows what it gave
  }

  function leave() {
    telling.forget();
    root.remove();
  }

  function build(view, given, read) {
    const keys = Object.keys(view.lanes);
    const scores = keys.map(() => [make("strong"), make("span", { class: "faint" })]);
    const rows = Array.from({ length: view.rows }, (_, row) =>
      make(
        "tr",
        { "data-row": row },
        make("th", { scope: "row" }, String(row + 1)),
        ...read.left(row),
        ...keys.map((key) => {
          const cell = read.cell(key, row);
          cell.dataset.draft = key;
          return cell;
        }),
      ),
    );
    const table = make(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": "Lanes, a column a draft. Arrow keys step." },
      make(
        "table",
        { class: view.mode },
        make(
          "thead",
          {},
          make(
            "tr",
            {},
            make("th", { scope: "col", title: `Number of the ${read.unit}.` }, "#"),
            ...read.head.map(([name, help]) => make("th", { scope: "col", title: help }, make("abbr", {}, name))),
            ...keys.map((key, at) => make("th", { scope: "col", class: "lane" }, called(view.looks[key]), ...scores[at])),
          ),
        ),
        make("tbody", {}, ...rows),
      ),
    );
    const slider = make("input", { type: "range", min: 1, max: view.rows, value: view.rows, "aria-label": `${read.unit} shown last` });
    const told = make("span", { class: "told", "aria-live": "polite" });
    const button = (text, name, act) => {
      const one = make("button", { type: "button", "aria-label": name, title: name }, text);
      one.addEventListener("click", act);
      return one;
    };
    let at = (given.at ?? view.rows) - 1;
    let differences = [];
    let jumped = -1;

    function go(next, follow = true) {
      at = Math.min(view.rows - 1, Math.max(0, next));
      slider.value = at + 1;
      rows.forEach((row, number) => {
        row.classList.toggle("later", number > at);
        row.classList.toggle("now", number === at);
      });
      keys.forEach((key, lane) => read.score(key, at).forEach((text, part) => (scores[lane][part].textContent = text)));
      told.textContent = `${read.unit} ${at + 1} of ${view.rows}`;
      if (follow) reveal(rows[at]);
      changed();
    }

    function reveal(row) {
      const head = table.querySelector("thead").offsetHeight;
      if (row.offsetTop - head < table.scrollTop) table.scrollTop = row.offsetTop - head;
      const bottom = row.offsetTop + row.offsetHeight;
      if (bottom > table.scrollTop + table.clientHeight) table.scrollTop = bottom - table.clientHeight;
    }

    const pick = (name, chosen) =>
      make(
        "select",
        { "aria-label": name },
        ...keys.map((key) => make("option", { value: key, selected: key === chosen }, view.looks[key].label)),
      );
    const usual = [keys.filter((key) => key !== view.baseline).at(-1) ?? keys[0], view.baseline];
    const versus = given.versus ?? usual;
    const [a, b] = [pick("First draft", versus[0]), pick("Second draft", versus[1])];
    const count = make("span", { class: "count" });

    /* As app/components/compare_lanes.py has it: null is what a viewer finds. */
    function changed() {
      const two = [a.value, b.value];
      telling.ask({
        at: at === view.rows - 1 ? null : at + 1,
        versus: two.every((key, place) => key === usual[place]) ? null : two,
      });
    }

    function compareTwo() {
      differences = a.value === b.value ? [] : read.versus(a.value, b.value);
      jumped = -1;
      for (const cell of table.querySelectorAll(".versus")) cell.classList.remove("versus");
      for (const { place } of differences) {
        for (const key of [a.value, b.value]) {
          for (const mark of marksAt(key, place)) mark.classList.add("versus");
        }
      }
      const first = differences.filter(({ keeps }) => keeps === a.value).length;
      const [one, other] = [a, b].map((select) => view.looks[select.value].label);
      count.textContent =
        `${one} accepts, ${other} rejects: ${first} · ${other} accepts, ${one} rejects: ${differences.length - first}`;
      changed();
    }

    /* What a draft decided in this place of the text. */
    function marksAt(key, place) {
      const cells = [...table.querySelectorAll(`[data-place="${place}"]`)];
      return cells.filter(
        (mark) => mark.closest("td").dataset.draft === key && (view.mode === "forced" || mark.matches(".accepted, .rejected")),
      );
    }

    function jump(step) {
      if (differences.length === 0) return;
      jumped = (jumped + step + differences.length) % differences.length;
      if (jumped < 0) jumped += differences.length;
      const { rows: there, place, keeps } = differences[jumped];
      go(Math.max(...there));
      told.textContent = `difference ${jumped + 1} of ${differences.length}: text place ${place + 1}, ${view.looks[keeps].label} accepts`;
      for (const mark of table.querySelectorAll(".here")) mark.classList.remove("here");
      for (const key of [a.value, b.value]) for (const mark of marksAt(key, place)) mark.classList.add("here");
    }

    const ways = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, PageDown: 5, PageUp: -5, Home: -1e9, End: 1e9 };
    table.addEventListener("keydown", (event) => {
      if (ways[event.key] === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation(); // Streamlit has keys of its own
      go(at + ways[event.key]);
    });
    slider.addEventListener("input", () => go(slider.valueAsNumber - 1));
    for (const select of [a, b]) select.addEventListener("change", compareTwo);

    const prompt = make("p", { class: "prompt", tabindex: "0", role: "region", "aria-label": "Prompt" }, ...view.prompt.map((id) => spelled(view.vocabulary[id])));
    root.replaceChildren(
      make("p", { class: "faint" }, EXPLAINED[view.mode]),
      make("div", { class: "row" }, make("span", { class: "faint" }, "Prompt"), prompt),
      make(
        "div",
        { class: "row" },
        button("|◀", "First", () => go(0)),
        button("◀", "Back", () => go(at - 1)),
        button("▶", "Forward", () => go(at + 1)),
        button("▶|", "All", () => go(view.rows - 1)),
        slider,
        told,
      ),
      make(
        "div",
        { class: "row" },
        a,
        make("span", {}, "against"),
        b,
        count,
        button("◀ difference", "Previous difference", () => jump(jumped < 0 ? 0 : -1)),
        button("difference ▶", "Next difference", () => jump(1)),
      ),
      table,
    );
    compareTwo();
    go(at, given.at !== null);
  }

  return { show, leave, calls: 0 };
}

export default function compare_lanes({ data, parentElement, setStateValue }) {
  if (!lanesOf.has(parentElement)) lanesOf.set(parentElement, lanes(parentElement));
  const mounted = lanesOf.get(parentElement);
  mounted.show(data.view, data.state, (state) => setStateValue("state", state));
  const call = (mounted.calls += 1);
  return () => {
    if (mounted.calls !== call) return; // called again since: Streamlit leaves what it has overtaken
    lanesOf.delete(parentElement);
    mounted.leave();
  };
}
