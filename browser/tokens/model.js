/** What is shown of a text: all that follows from its reading and the state it is looked at in. */

/** @import { Limits, Numbers, Roles, Scale, TokenState } from "../shared/types" */
/** @import { Reading } from "./view" */

import { scaleOf } from "../shared/scale.js";

/**
 * @typedef {ReturnType<typeof modelOf>} Model
 * @typedef {Map<string, Limits>} MovedLimits metric -> limits that the user has moved
 * @typedef {object} Triple three drafts' KL on one scale, in the drafts' own colours
 * @property {string[]} names
 * @property {Scale} scale
 * @property {(Numbers | undefined)[]} columns
 * @property {string[]} colours
 */

/**
 * @param {Reading} reading
 * @param {TokenState} state
 * @param {MovedLimits} limits
 */
export function modelOf(reading, state, limits) {
  const { step } = state;
  const draft = step !== null && reading.timeline.includes(step) ? step : reading.roles.draft;
  const roles = { ...reading.roles, draft };
  const selecting = state.by === "stock" ? (roles.stock ?? draft) : draft;
  const metrics = reading.metrics.filter((metric) => reading.offers(metric, roles));
  const metric = metrics.find(({ name }) => name === state.metric) ?? metrics[0];
  return {
    reading,
    state,
    roles,
    /** The snapshot by whose ΔL tokens are selected. */
    selecting,
    metrics,
    metric,
    scale: scaleOf(metric, limits.get(metric.name)),
    values: reading.values(metric, roles),
    entries: reading.entries(state.pool, selecting),
    triple: state.underline === "triple" ? triple(reading, roles, limits) : null,
  };
}

/** The snapshot of the draft: its colours and its step.
 *
 * @param {Model} model
 */
export function draftOf({ reading, roles }) {
  return reading.snapshots[roles.draft ?? ""];
}

/**
 * @param {Reading} reading
 * @param {Roles} roles
 * @param {MovedLimits} limits
 * @returns {Triple | null}
 */
function triple(reading, roles, limits) {
  /** @type {("stock" | "reference" | "draft")[]} */
  const names = ["stock", "reference", "draft"];
  const kl = reading.metrics.find(({ column, minus }) => column === "kl" && !minus);
  if (!kl) return null;
  return {
    names,
    scale: scaleOf(kl, limits.get(kl.name)),
    columns: names.map((role) => reading.measure("kl", roles[role])),
    colours: names.map((role) => reading.snapshots[roles[role] ?? ""]?.colour ?? "transparent"),
  };
}
