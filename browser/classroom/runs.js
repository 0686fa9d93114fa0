/** A room's runs: their list, and the form by which a seat starts one. */

/** @import { RunView } from "../schemas/told" */

import { make } from "../shared/dom.js";

const LIVE = ["queued", "starting", "running"];
const RECIPES = [
  ["tiny", "tiny: little stories with sums"],
  ["english", "english: stories in words, takes longer"],
];
const K = { min: 5, max: 95, step: 5, value: 40 }; // per cent

/** @param {RunView} run */
export function standing({ word, place, percent, alpha }) {
  if (alpha !== null) return `α = ${(100 * alpha).toFixed(1)} %`;
  if (word === "queued") return place === null ? "waits" : `waits, number ${place} in the queue`;
  if (word === "running" && percent !== null) return `trains, ${percent} %`;
  return word;
}

/** @param {number} k */
const share = (k) => `k = ${Math.round(100 * k)} %`;

/** The runs, in the order in which they come.
 *
 * @param {RunView[]} runs
 * @param {(run: RunView) => boolean} mayStop
 * @param {(message: object) => void} send
 */
export function runItems(runs, mayStop, send) {
  if (!runs.length) return [make("li", { class: "quiet" }, "none yet")];
  return runs.map((run) => {
    const { id, seat, name, recipe, k, word } = run;
    const item = make(
      "li",
      {},
      make("strong", {}, `${recipe}, ${share(k)}`),
      ` ${standing(run)} `,
      make("span", { class: "quiet" }, `${name} · ${seat} `),
    );
    if (LIVE.includes(word) && mayStop(run)) {
      const stop = make("button", { type: "button" }, "Stop");
      stop.addEventListener("click", () => send({ do: "stop", run: id }));
      item.append(stop);
    }
    return item;
  });
}

/** What a seat can choose of a run: one of two recipes, k, and its name.
 *
 * @param {(message: object) => void} send
 */
export function trainForm(send) {
  const recipe = make(
    "select",
    { "aria-label": "Recipe" },
    ...RECIPES.map(([value, text]) => make("option", { value }, text)),
  );
  const k = make("input", {
    type: "range",
    "aria-label": "k, the share of tokens to train on",
    ...K,
  });
  const chosen = make("output", {}, share(K.value / 100));
  k.addEventListener("input", () => {
    chosen.textContent = share(Number(k.value) / 100);
  });
  const name = make("input", {
    "aria-label": "Name of the run",
    maxlength: 40,
    placeholder: "Name (optional)",
  });
  const form = make(
    "form",
    { class: "train" },
    recipe,
    make("label", {}, "Share of tokens to train on ", k, " ", chosen),
    name,
    make("button", { type: "submit" }, "Train a draft"),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send({ do: "train", recipe: recipe.value, k: Number(k.value) / 100, name: name.value });
  });
  return form;
}
