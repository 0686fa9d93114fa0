/** The controls: what is coloured, what is kept, which checkpoint, and how text is set. Each calls
 * `change` with what the user has changed of the state; `show` sets them to the state there is. */

/** @import { TokenState } from "../shared/types" */
/** @import { Model } from "./model" */

import { make } from "../shared/dom.js";
import { thousandths } from "../shared/numbers.js";
import { swatch } from "./card.js";
import { draftOf } from "./model.js";

/**
 * @typedef {Partial<TokenState>} Patch
 * @typedef {object} Actions
 * @property {(patch: Patch) => void} change
 * @property {(at: number) => void} onCheckpoint by its number in the timeline
 * @property {(sought: string) => void} onSearch
 * @property {(way: 1 | -1) => void} onNext
 * @property {() => void} onLeave
 * @property {() => void} onPicture
 */

const EXPLAINED = [
  ["← →", "previous, next token"],
  ["↑ ↓", "line above, below"],
  ["Home End", "first, last token"],
  ["1 … 9", "metric"],
  ["P or click", "pin the token's card"],
  ["/", "search; Enter next, Esc leaves"],
  ["[ ]", "earlier, later checkpoint"],
  ["S", "outline of the tokens kept"],
];

/** @param {Actions} actions */
export function controls({ change, onCheckpoint, onSearch, onNext, onLeave, onPicture }) {
  const metric = make("select", { "aria-label": "Colour by", title: "Keys 1 to 9" });
  const hint = make("kbd", { class: "hint", title: "The key of this metric" });
  const explanation = make("p", { class: "quiet explanation" });
  const k = slider("k: share of tokens kept", 1000);
  const kWritten = make("span", { class: "figure" });
  const pools = make("div", { class: "choice", role: "group", "aria-label": "Pool" });
  const kept = make("span", { class: "kept-count" });
  const by = select("selected by", {
    stock: "the stock draft's ΔL, as training begins",
    draft: "the shown draft's ΔL",
  });
  const pool = make("p", { class: "quiet explanation" });
  const step = slider("checkpoint of the draft", 1);
  const stepWritten = make("span", { class: "figure" });
  const underline = select("underline", { metric: "value", triple: "three drafts", none: "none" });
  const density = select("density", { comfortable: "comfortable", compact: "compact" });
  const [wrap, prompt, outline] = ["wrap", "prompt", "outline kept"].map(toggle);
  const sought = make("input", {
    type: "search",
    placeholder: "search  /",
    "aria-label": "Search in the text",
    spellcheck: "false",
  });
  const matches = make("output", { class: "quiet" });
  const keys = make(
    "details",
    { class: "keys" },
    make("summary", { "aria-label": "Keys", title: "Keys" }, "?"),
    make(
      "dl",
      {},
      ...EXPLAINED.flatMap(([key, meaning]) => [make("dt", {}, key), make("dd", {}, meaning)]),
    ),
  );
  const picture = make(
    "button",
    { type: "button", title: "Download the text as it is drawn" },
    "PNG",
  );
  /** @type {string | null} */
  let offered = null;
  const triple = make("div", { class: "triple-key quiet" });

  const choice = make(
    "div",
    { class: "metric" },
    make("label", {}, make("span", {}, "colour"), metric, hint),
    explanation,
  );
  const selection = make(
    "div",
    { class: "row selection" },
    make("label", { class: "wide" }, make("span", {}, "k"), k, kWritten),
    pools,
    by.label,
    kept,
    pool,
  );
  const training = make(
    "div",
    { class: "row training" },
    make("label", { class: "wide" }, make("span", {}, "step"), step, stepWritten),
  );
  const setting = make(
    "div",
    { class: "row setting" },
    underline.label,
    triple,
    density.label,
    wrap.label,
    prompt.label,
    outline.label,
    make("span", { class: "search" }, sought, matches),
    picture,
    keys,
  );

  /** @param {Model} model */
  function show(model) {
    const { state, metrics, reading, roles, entries } = model;
    const snapshot = draftOf(model);
    offer(model);
    metric.value = model.metric.name;
    const number = metrics.indexOf(model.metric) + 1;
    hint.textContent = number <= 9 ? String(number) : "";
    hint.hidden = number > 9;
    explanation.textContent = model.metric.explanation;
    for (const input of pools.querySelectorAll("input")) input.checked = input.value === state.pool;
    pool.textContent = reading.pools[state.pool] ?? "";
    by.input.value = state.by;
    selection.hidden = !entries;
    const { timeline } = reading;
    training.hidden = timeline.length < 2;
    step.max = String(Math.max(1, timeline.length - 1));
    step.value = String(timeline.indexOf(roles.draft ?? ""));
    stepWritten.textContent = `${snapshot.label} · step ${snapshot.step}`;
    step.setAttribute("aria-valuetext", stepWritten.textContent);
    underline.input.value = state.underline;
    density.input.value = state.density;
    wrap.input.checked = state.wrap;
    prompt.input.checked = state.prompt;
    outline.input.checked = state.outline;
    triple.hidden = !model.triple;
    triple.replaceChildren(
      ...(model.triple?.names ?? []).map((name, bar) =>
        make("span", {}, swatch({ colour: model.triple?.colours[bar] ?? "" }), name),
      ),
    );
    showK(model);
  }

  /** What there is to choose from; built only when it is another, since building takes the focus.
   *
   * @param {Model} model
   */
  function offer({ metrics, reading }) {
    const names = [reading.id, ...metrics.map(({ name }) => name)].join("\n");
    if (names === offered) return;
    offered = names;
    metric.replaceChildren(
      ...metrics.map(({ name, label }) => make("option", { value: name }, label)),
    );
    pools.replaceChildren(
      ...Object.entries(reading.pools).map(([name, meaning]) => radio(name, meaning, change)),
    );
  }

  /** @param {Model} model */
  function showK(model) {
    const { state, reading, selecting } = model;
    k.value = String(state.k);
    kWritten.textContent = thousandths(state.k);
    k.setAttribute("aria-valuetext", kWritten.textContent);
    const count = model.entries ? reading.keptCounts(state.pool, selecting)[state.k] : 0;
    const share = reading.responses ? (100 * count) / reading.responses : 0;
    kept.textContent = `${count} of ${reading.responses} response tokens kept (${share.toFixed(1)} %)`;
  }

  metric.addEventListener("change", () => change({ metric: metric.value }));
  k.addEventListener("input", () => change({ k: Number(k.value) }));
  step.addEventListener("input", () => onCheckpoint(Number(step.value)));
  by.input.addEventListener("change", () =>
    change({ by: /** @type {TokenState["by"]} */ (by.input.value) }),
  );
  underline.input.addEventListener("change", () =>
    change({ underline: /** @type {TokenState["underline"]} */ (underline.input.value) }),
  );
  density.input.addEventListener("change", () =>
    change({ density: /** @type {TokenState["density"]} */ (density.input.value) }),
  );
  wrap.input.addEventListener("change", () => change({ wrap: wrap.input.checked }));
  prompt.input.addEventListener("change", () => change({ prompt: prompt.input.checked }));
  outline.input.addEventListener("change", () => change({ outline: outline.input.checked }));
  sought.addEventListener("input", () => onSearch(sought.value));
  sought.addEventListener("keydown", (event) => {
    if (event.key === "Enter") onNext(event.shiftKey ? -1 : 1);
    if (event.key === "Escape") onLeave();
  });
  picture.addEventListener("click", onPicture);

  return {
    choice,
    selection,
    training,
    setting,
    show,
    showK,
    seek: () => sought.focus(),
    seeking: () => sought.value,
    matched: (/** @type {string} */ text) => (matches.textContent = text),
    clear: () => (sought.value = ""),
    help: () => (keys.open = !keys.open),
  };
}

/**
 * @param {string} name
 * @param {number} max
 */
function slider(name, max) {
  return make("input", { type: "range", min: 0, max, step: 1, "aria-label": name });
}

/**
 * @param {string} name
 * @param {Record<string, string>} names
 */
function select(name, names) {
  const options = Object.entries(names).map(([value, text]) => make("option", { value }, text));
  const input = make("select", {}, ...options);
  return { input, label: make("label", {}, make("span", {}, name), input) };
}

/** @param {string} name */
function toggle(name) {
  const input = make("input", { type: "checkbox" });
  return { input, label: make("label", { class: "toggle" }, input, make("span", {}, name)) };
}

/**
 * @param {string} pool
 * @param {string} title
 * @param {Actions["change"]} change
 */
function radio(pool, title, change) {
  const input = make("input", { type: "radio", name: "pool", value: pool });
  input.addEventListener("change", () => change({ pool }));
  return make("label", { class: "toggle", title }, input, make("span", {}, pool));
}
