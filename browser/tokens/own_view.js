/** What the engine says of a text, as the heatmap takes it: `adaspec.views.token_view.text`. */

/** @import { ReadText } from "../engine/reading.js" */
/** @import { OwnText, Packed, TokenView } from "../shared/types" */

import { column, packed } from "../shared/columns.js";

const TOP = 5; // tokens in a model's list of the likeliest
const EMPTY = { f4: NaN, u4: 0, u2: 65535, u1: 0 }; // of a prompt's tokens
const REFERENCE = "reference";

/**
 * @param {ReadText} read
 * @param {OwnText} asked
 * @returns {TokenView}
 */
export function viewOf({ rows, vocabulary, pieces }, asked) {
  const { ids, response_from: before, columns, top } = rows;
  const prompted = (/** @type {number} */ value) => Array(before).fill(value);
  const whole = (/** @type {(number | boolean)[]} */ values, /** @type {Packed["type"]} */ type) =>
    packed([...prompted(EMPTY[type]), ...values.map(Number)], type);
  /** @type {Record<string, Packed>} */
  const shown = {};
  for (const [name, values] of Object.entries(columns)) {
    const [measure, ...snapshot] = name.split("@");
    const type = asked.kinds[snapshot.length ? "snapshot" : "target"][measure];
    if (type) shown[name] = whole(values, type);
  }
  for (const [name, least] of Object.entries(asked.least)) {
    const [kl, of_reference] = [columns[`kl@${name}`], columns[`kl@${REFERENCE}`]];
    if (!kl || !of_reference) continue;
    const limits = column(least);
    const entries = kl.map((value, row) =>
      entryAt(Number(value) - Number(of_reference[row]), limits),
    );
    shown[`entry@${name}`] = whole(entries, "u2");
  }
  const lead = Array(TOP * before).fill(0);
  return {
    id: asked.id,
    title: asked.title,
    rows: ids.length,
    tokens: {
      id: packed(ids, "u4"),
      seq: packed(Array(ids.length).fill(0), "u4"),
      response: packed(
        ids.map((_, row) => Number(row >= before)),
        "u1",
      ),
    },
    vocabulary,
    pieces,
    columns: shown,
    top: Object.fromEntries(
      Object.entries(top).map(([name, { id, p }]) => [
        name,
        {
          id: packed([...lead, ...id.flat().map((token) => Math.max(0, token))], "u4"),
          p: packed([...lead, ...p.flat()], "f4"),
        },
      ]),
    ),
    snapshots: asked.snapshots,
    roles: asked.roles,
    timeline: asked.timeline.filter((name) => `kl@${name}` in columns),
    metrics: asked.metrics,
    corpus: asked.corpus,
    pools: asked.pools,
    notes: asked.notes,
    brief: false,
  };
}

/** From which k on, in thousandths, a token would be kept.
 *
 * @param {number} delta
 * @param {ArrayLike<number>} least ΔL that is kept at each k, falling
 */
function entryAt(delta, least) {
  let [low, high] = [0, least.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (least[middle] > delta) low = middle + 1;
    else high = middle;
  }
  return low;
}
