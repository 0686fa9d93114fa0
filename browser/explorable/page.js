/** A run's models in one file: decode with them, see which tokens are hard, break the rule. */

/** @import { Engine, Mounted, OwnPrompt, OwnText, Pair, ReplayState, TokenState } from "../shared/types" */

import { lab } from "../learn/lab.js";
import { ownReplay } from "../replay/own.js";
import { component } from "../shared/component.js";
import { make } from "../shared/dom.js";
import { ownText } from "../tokens/own.js";

/**
 * @typedef {object} Data
 * @property {string} title
 * @property {string} about
 * @property {string[]} drafts
 * @property {string} first the draft that is chosen at first
 * @property {string[]} prompts
 * @property {Record<string, [exact: number, rounded: number, tokens: number]>} alphas
 * @property {string} worker the engine's script
 * @property {string} tokenizer JSON
 * @property {Record<string, { config: string, weights: string }>} models weights in base64
 * @property {number} vocabulary
 * @property {number | null} eos
 * @property {OwnPrompt} replay
 * @property {OwnText} text
 * @property {{ replay: ReplayState, text: TokenState }} state how they are looked at first
 * @property {Pair[]} pairs
 */

const TOKENS = [16, 32, 48, 96];

/**
 * @param {HTMLElement} parent
 * @param {Data} data
 * @returns {Mounted<Data>}
 */
function explorable(parent, data) {
  const files = inline(data);
  const views = [decoding(data, files), reading(data, files), losing(data)];
  const tabs = views.map(({ name }, at) => {
    const tab = make("button", { type: "button", role: "tab", "aria-selected": "false" }, name);
    tab.addEventListener("click", () => open(at));
    return tab;
  });
  const stage = make("div", { role: "tabpanel" });
  const root = make(
    "div",
    { class: "explorable" },
    make("h1", {}, data.title),
    make("p", {}, data.about),
    make(
      "p",
      { class: "quiet" },
      "This file holds the models. It needs no network and sends nothing.",
    ),
    make("div", { role: "tablist" }, ...tabs),
    stage,
    rounding(data),
  );
  parent.append(root);
  root.addEventListener("keydown", ({ key, target }) => {
    const at = tabs.indexOf(/** @type {HTMLButtonElement} */ (target));
    const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
    if (at < 0 || !step) return;
    const next = (at + step + tabs.length) % tabs.length;
    tabs[next].focus();
    open(next);
  });
  stage.append(...views.map(({ element }) => element));
  open(0);

  /** @param {number} at */
  function open(at) {
    tabs.forEach((tab, other) => tab.setAttribute("aria-selected", String(other === at)));
    views.forEach(({ element }, other) => (element.hidden = other !== at));
    views[at].begin();
  }

  return { show: () => {}, leave: () => root.remove() };
}

/** Addresses of the files inside this one.
 *
 * @param {Data} data
 */
function inline(data) {
  const address = (/** @type {BlobPart} */ part, type = "application/json") =>
    URL.createObjectURL(new Blob([part], { type }));
  const worker = address(data.worker, "text/javascript");
  const tokenizer = address(data.tokenizer);
  const models = Object.fromEntries(
    Object.entries(data.models).map(([name, { config, weights }]) => {
      const bytes = Uint8Array.from(atob(weights), (letter) => letter.charCodeAt(0));
      return [name, { config: address(config), weights: address(bytes) }];
    }),
  );
  /** @param {string[]} names
   * @returns {Engine}
   */
  return (names) => ({
    id: names.join(),
    worker,
    tokenizer,
    models: Object.fromEntries(names.map((name) => [name, models[name]])),
    vocabulary: data.vocabulary,
    eos: data.eos,
  });
}

/**
 * @param {Data} data
 * @param {(names: string[]) => Engine} files
 */
function decoding({ replay, prompts, drafts, first, state }, files) {
  const box = make("div", {});
  const player = ownReplay(box);
  const prompt = area("prompt", "Prompt", prompts[0]);
  const draft = choice("Draft", drafts, first);
  const gamma = number("γ, guesses a pass", 4, 1, 16, 1);
  const temperature = number("Temperature", 0.7, 0, 5, 0.1);
  const seed = number("Seed", 0, 0, 9999, 1);
  const most = choice("New tokens", TOKENS.map(String), "48");
  let clicks = 0;
  const form = make(
    "form",
    {},
    prompt.label,
    make(
      "div",
      { class: "fields" },
      ...[draft, gamma, temperature, seed, most].map(({ label }) => label),
    ),
    make("div", { class: "fields" }, make("button", { type: "submit" }, "Decode"), others()),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });

  /** Another prompt that the run was measured on. */
  function others() {
    const button = make("button", { type: "button" }, "Another prompt");
    button.addEventListener("click", () => {
      const at = prompts.indexOf(prompt.field.value);
      prompt.field.value = prompts[(at + 1) % prompts.length];
      ask();
    });
    return button;
  }

  function ask() {
    clicks += 1;
    const name = draft.field.value;
    const view = {
      ...replay,
      id: `own/${clicks}`,
      title: "your prompt",
      draft: name,
      prompt: prompt.field.value,
      seed: Number(seed.field.value),
      decoding: {
        ...replay.decoding,
        gamma: Number(gamma.field.value),
        temperature: Number(temperature.field.value),
        max_new_tokens: Number(most.field.value),
      },
      engine: files(["target", name]),
      clicks,
    };
    player.show({ view, state: state.replay }, () => {});
  }

  return {
    name: "Decode",
    element: make("section", {}, form, box),
    begin: () => clicks === 0 && ask(),
  };
}

/**
 * @param {Data} data
 * @param {(names: string[]) => Engine} files
 */
function reading({ text, prompts, state }, files) {
  const box = make("div", {});
  const heatmap = ownText(box);
  const before = area("before", "What comes before (nothing is measured here)", prompts[0]);
  const answer = area("answer", "What is measured; empty: the target goes on by itself", "");
  let clicks = 0;
  const form = make(
    "form",
    {},
    before.label,
    answer.label,
    make("button", { type: "submit" }, "Read"),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });

  function ask() {
    clicks += 1;
    const names = ["target", ...new Set(Object.values(text.roles))];
    const view = {
      ...text,
      id: `text/${clicks}`,
      title: "your own text",
      prompt: before.field.value,
      response: answer.field.value,
      engine: files(names),
      clicks,
    };
    heatmap.show({ view, state: state.text }, () => {});
  }

  return {
    name: "Which tokens are hard",
    element: make("section", {}, form, box),
    begin: () => clicks === 0 && ask(),
  };
}

/** @param {Data} data */
function losing({ pairs }) {
  const { element } = lab(pairs);
  return {
    name: "Break the rule",
    element: make("section", { class: "learn" }, element),
    begin: () => {},
  };
}

/** @param {Data} data */
function rounding({ alphas }) {
  const rows = Object.entries(alphas).map(([name, [exact, rounded]]) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, name),
      make("td", {}, exact.toFixed(4)),
      make("td", {}, rounded.toFixed(4)),
    ),
  );
  const [[, , tokens]] = Object.values(alphas);
  return make(
    "details",
    {},
    make("summary", {}, "What is rounded in this file"),
    make(
      "p",
      {},
      `Weights have 16 bits here instead of 32. The acceptance rate α of each draft over ${tokens} tokens that the target wrote, as trained and as in this file:`,
    ),
    make(
      "table",
      {},
      make(
        "thead",
        {},
        make(
          "tr",
          {},
          make("th", {}, "draft"),
          make("th", {}, "α as trained"),
          make("th", {}, "α in this file"),
        ),
      ),
      make("tbody", {}, ...rows),
    ),
  );
}

/* Fields. */

/**
 * @param {string} id
 * @param {string} name
 * @param {string} value
 */
function area(id, name, value) {
  const field = make("textarea", { id, rows: 3, maxlength: 2000 });
  field.value = value;
  return { field, label: make("label", {}, name, field) };
}

/**
 * @param {string} name
 * @param {string[]} options
 * @param {string} value
 */
function choice(name, options, value) {
  const field = make(
    "select",
    { "aria-label": name },
    ...options.map((option) => make("option", {}, option)),
  );
  field.value = value;
  return { field, label: make("label", {}, name, field) };
}

/**
 * @param {string} name
 * @param {number} value
 * @param {number} min
 * @param {number} max
 * @param {number} step
 */
function number(name, value, min, max, step) {
  const field = make("input", { type: "number", min, max, step, required: true, value });
  return { field, label: make("label", {}, name, field) };
}

export default component(explorable);
