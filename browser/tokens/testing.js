/** A small text whose numbers can be followed by hand. */

/** @import { Metric, TokenState, TokenView } from "../shared/types" */

import { packed } from "../shared/testing.js";

/** @type {Omit<Metric, "name" | "column" | "of" | "minus">} */
const PLAIN = {
  label: "",
  unit: "nats",
  low: 0,
  high: 4,
  scale: "linear",
  diverging: false,
  explanation: "",
};

/** @type {Metric[]} */
const METRICS = [
  { ...PLAIN, name: "kl", column: "kl", of: "draft", minus: null },
  {
    ...PLAIN,
    name: "delta",
    column: "kl",
    of: "draft",
    minus: "reference",
    low: -2,
    high: 2,
    diverging: true,
  },
  { ...PLAIN, name: "entropy", column: "entropy", of: null, minus: null },
  { ...PLAIN, name: "rival", column: "kl", of: "rival", minus: null },
];

/** One token of a prompt and three of the answer; the draft was also looked at after 8 steps.
 *
 * @returns {TokenView}
 */
export function view() {
  return {
    id: "a",
    title: "a text",
    rows: 4,
    tokens: {
      id: packed([0, 1, 2, 9], "u4"),
      seq: packed([0, 0, 0, 0], "u4"),
      response: packed([0, 1, 1, 1], "u1"),
    },
    vocabulary: { 0: { text: "Say:" }, 1: { text: " twelve" }, 2: { text: ".\n" } },
    pieces: {},
    columns: {
      entropy: packed([NaN, 0.5, 1, 2]),
      "kl@draft": packed([9, 1, 2, 3]),
      "kl@draft@8": packed([NaN, 2, 3, 4]),
      "kl@reference": packed([NaN, 0.5, 2.5, 1]),
      "entry@draft": packed([65535, 250, 1000, 0], "u2"),
      "entry_batch@draft": packed([65535, 0, 1, 2], "u2"),
    },
    top: {
      draft: {
        id: packed([...Array(5).fill(0), 1, 2, 0, 0, 0, ...Array(10).fill(0)], "u4"),
        p: packed([...Array(5).fill(0), 0.75, 0.25, 0, 0, 0, ...Array(10).fill(0)]),
      },
    },
    snapshots: {
      draft: { label: "draft", colour: "#D55E00", step: 25 },
      "draft@8": { label: "draft@8", colour: "#D55E00", step: 8 },
      reference: { label: "reference", colour: "#1F83C9", step: 50 },
    },
    roles: { reference: "reference", draft: "draft" },
    timeline: ["draft@8", "draft"],
    metrics: METRICS,
    corpus: {},
    pools: { corpus: "", batch: "" },
    notes: [],
    brief: false,
  };
}

/** @type {TokenState} */
export const STATE = {
  metric: "kl",
  k: 400,
  pool: "corpus",
  by: "draft",
  token: null,
  pins: [],
  step: null,
  underline: "metric",
  density: "comfortable",
  wrap: true,
  prompt: true,
  outline: true,
};
