/** What happened at a token, in a sentence that needs no symbols. */

/** @import { Child } from "../shared/dom" */
/** @import { Model } from "./model" */

import { make } from "../shared/dom.js";
import { spelled } from "../shared/glyphs.js";
import { shortPercent, thousandths } from "../shared/numbers.js";

const SAME = 0.02; // nats: a difference of KL below it decides nothing that a reader would see
const OF_K = 1000; // entries are thousandths; beyond, a token is never kept

/**
 * @param {Model} model
 * @param {number} row of the response
 */
export function sentence(model, row) {
  const clauses = [expected(model, row), kept(model, row), selected(model, row)];
  const parts = clauses.filter((clause) => clause.length);
  return make("p", { class: "sentence" }, ...parts.flatMap((clause) => [...clause, " "]));
}

/** What the two wanted to say.
 *
 * @param {Model} model
 * @param {number} row
 * @returns {Child[]}
 */
function expected({ reading, roles }, row) {
  const wanted = reading.guesses("target", row)?.[0];
  const guessed = reading.guesses(roles.draft ?? "", row)?.[0];
  if (!wanted || !guessed) return [];
  const word = (/** @type {{ id: number }} */ { id }) => make("q", {}, spelled(reading.word(id)));
  if (wanted.id === guessed.id) {
    const both = `(${inWords(wanted.p)} and ${inWords(guessed.p)}).`;
    return ["Target and draft both expected ", word(wanted), ` ${both}`];
  }
  return [
    "The target wanted ",
    word(wanted),
    ` (${inWords(wanted.p)}); the draft expected `,
    word(guessed),
    ` (${inWords(guessed.p)}).`,
  ];
}

/** How often a guess survives here.
 *
 * @param {Model} model
 * @param {number} row
 * @returns {Child[]}
 */
function kept({ reading, roles }, row) {
  const overlap = reading.measure("overlap", roles.draft ?? "")?.[row];
  return overlap === undefined ? [] : [`A guess is kept here ${inWords(overlap)} of the time.`];
}

/** Whether AdaSPEC trains on it, and why.
 *
 * @param {Model} model
 * @param {number} row
 * @returns {Child[]}
 */
function selected({ reading, roles, selecting, entries }, row) {
  const entry = entries?.[row];
  const kl = (/** @type {string | undefined} */ name) => reading.measure("kl", name ?? "")?.[row];
  const [own, reference] = [kl(selecting), kl(roles.reference)];
  if (entry === undefined || entry > OF_K || own === undefined || reference === undefined)
    return [];
  const gain = own - reference;
  const did = gain > SAME ? "did better" : gain < -SAME ? "did worse" : "did no better";
  return [`AdaSPEC keeps this token from k = ${thousandths(entry)} on: the reference ${did}.`];
}

/** @param {number} share */
function inWords(share) {
  return shortPercent(share).replace("<", "less than");
}
