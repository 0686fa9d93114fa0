/** What the engine decoded, as the player takes it: `adaspec.views.replay_view`. */

/** @import { Decoded } from "../engine/worker.js" */
/** @import { Costs } from "../engine/costs.js" */
/** @import { OwnPrompt, ReplayView } from "../shared/types" */

const BESIDE = "the same prompt and settings, in this browser before and after";

/**
 * @param {Decoded} decoded
 * @param {Pick<OwnPrompt, "id" | "title" | "target" | "draft" | "choosing">} names
 * @param {Costs} costs
 * @returns {ReplayView}
 */
export function viewOf(
  { trace, vocabulary, pieces },
  { id, title, target, draft, choosing },
  costs,
) {
  const { rounds, plain_ms: ms } = trace;
  const stepsOf = (/** @type {typeof rounds[number]} */ { proposals, last }) =>
    proposals.length +
    1 +
    proposals.filter(({ accepted }) => accepted !== null).length +
    (last ? 1 : 0);
  return {
    id,
    title,
    target,
    draft,
    trace: { ...trace, target, draft },
    steps: rounds.reduce((sum, round) => sum + stepsOf(round), 0),
    vocabulary,
    pieces,
    plain: ms === null ? null : { ms, how: BESIDE },
    costs: costs.v.slice(1).map((v, at) => [at + 1, costs.c * costs.ms, v * costs.ms]),
    brief: false,
    choosing,
  };
}
