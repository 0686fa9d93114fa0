/** What can be bet on at a step of a replay, and what comes next for a presenter with two keys. */

/** @import { Piece } from "../shared/types" */
/** @import { Chip, Reading } from "../replay/trace" */
/** @import { Question } from "../schemas/question" */
/** @import { LessonView, Overview, SharedView } from "../schemas/told" */

import { glyphs } from "../shared/glyphs.js";
import { shortPercent } from "../shared/numbers.js";

/** @typedef {"every" | "round" | "never"} Betting on every guess, on one of each pass, on none */

const CANDIDATES = 4;

/** A question, complete.
 *
 * @param {Pick<Question, "text"> & Partial<Omit<Question, "options">> & { options: string[] }} given
 */
export function asked(given) {
  const question = { answer: null, why: "", figures: [], step: null, phase: null, ...given };
  return /** @type {Question} */ (question);
}

/** What is decided next, as a question; null where the next step decides nothing.
 *
 * @param {Reading} reading
 * @param {number} step
 * @returns {Question | null}
 */
export function questionAt(reading, step) {
  const next = reading.steps[step];
  if (next?.kind === "decide") return kept(reading, next.chip, step);
  if (next?.kind === "add" && next.chip.kind === "residual") {
    return replaced(reading, next.chip, step);
  }
  return null;
}

/**
 * @param {Reading} reading
 * @param {Chip} chip
 * @param {number} step
 * @returns {Question}
 */
function kept(reading, chip, step) {
  const { p, q } = /** @type {{ p: number, q: number }} */ (chip.data);
  const word = quote(reading.piece(chip.token));
  const chance = reading.greedy
    ? "It is kept only if it is what the target likes best."
    : `Such a guess is kept with a probability of ${shortPercent(Math.min(1, p / q))}.`;
  return asked({
    text: `The draft guesses ${word} and gives it ${shortPercent(q)}. Does the target keep it?`,
    options: ["It is kept", "It is replaced"],
    answer: chip.kind === "accepted" ? 0 : 1,
    why: `The target gives it ${shortPercent(p)}. ${chance}`,
    step: step + 1,
  });
}

/**
 * @param {Reading} reading
 * @param {Chip & { kind: "residual" }} chip
 * @param {number} step
 * @returns {Question}
 */
function replaced(reading, chip, step) {
  const rejected = reading.rounds[chip.round].chips.find(({ kind }) => kind === "rejected");
  const ids = [...new Set([chip.token, ...chip.data.drawn_from.map(([token]) => token)])].slice(
    0,
    CANDIDATES,
  );
  const words = ids.map((id) => quote(reading.piece(id)));
  const options = [...new Set(words)].sort();
  const share = chip.data.drawn_from.find(([token]) => token === chip.token)?.[1];
  return asked({
    text: `${rejected ? quote(reading.piece(rejected.token)) : "The guess"} was rejected. What does the target write instead?`,
    options: options.length > 1 ? options : [...options, "something else"],
    answer: options.indexOf(words[0]),
    why:
      share === undefined
        ? ""
        : `It had ${shortPercent(share)} of what the draft gave too little to.`,
    step: step + 1,
  });
}

/** A token between quotation marks, as text.
 *
 * @param {Piece} piece
 */
export function quote(piece) {
  return `“${glyphs(piece)
    .map(({ text }) => text)
    .join("")
    .trim()}”`;
}

/** Whether the presenter lets the room bet before the next step.
 *
 * Of a pass it is the guess that is rejected, which is what there is to learn; where all are kept,
 * the last.
 *
 * @param {Reading} reading
 * @param {number} step
 * @param {Betting} betting
 */
export function betsHere(reading, step, betting) {
  const next = reading.steps[step];
  if (next?.kind !== "decide" || betting === "never") return false;
  if (betting === "every") return true;
  const tested = reading.rounds[next.round].chips.filter(
    ({ kind }) => kind === "accepted" || kind === "rejected",
  );
  return next.chip === tested.at(-1);
}

/** What the next key does: what is sent, and how the button is called.
 *
 * @param {Reading | null} reading null where no replay is shown
 * @param {SharedView} shared
 * @param {LessonView | null} lesson
 * @param {Overview} overview
 * @param {Betting} betting
 * @returns {{ label: string, message: object } | null} null: the replay is at its end
 */
export function nextOf(reading, shared, lesson, { discuss }, betting) {
  const { step, bet, board } = shared;
  if (board) return { label: "Back to the board", message: { do: "board", seat: null } };
  if (bet?.stage === "open") return { label: "Count the votes", message: { do: "count" } };
  if (bet?.stage === "counted" && discuss && !bet.again) {
    return { label: "Discuss, and vote again", message: { do: "again" } };
  }
  if (bet?.stage === "counted") return { label: "Reveal", message: { do: "reveal" } };
  const ended = bet ? bet.phase === "asked" : shared.lesson?.phase === "asked";
  if (lesson && ended) return nextStep(shared, lesson);
  if (bet) return { label: "Go on", message: { do: "end" } };
  if (lesson) {
    const label = shared.lesson?.phase === "idea" ? "Let them bet" : "Ask them";
    return { label, message: { do: "predict" } };
  }
  if (!reading || step >= reading.steps.length) return null;
  const question = betsHere(reading, step, betting) ? questionAt(reading, step) : null;
  if (question) return { label: "Let them bet", message: { do: "open", question } };
  return { label: "Next step", message: { do: "show", step: stepAfter(reading, step) } };
}

/**
 * @param {SharedView} shared
 * @param {LessonView} lesson
 */
function nextStep(shared, { number, upcoming }) {
  if (!upcoming) return { label: "End the lesson", message: { do: "teach", lesson: null } };
  const next = { ...shared.lesson, at: number, phase: "idea" };
  return { label: `Next: ${upcoming}`, message: { do: "teach", lesson: next } };
}

/** What the back key does: the bet away, a step back.
 *
 * @param {SharedView} shared
 */
export function backOf({ bet, lesson, step }) {
  if (bet) return { do: "end" };
  if (lesson) {
    const at = Math.max(0, lesson.at - (lesson.phase === "idea" ? 1 : 0));
    return { do: "teach", lesson: { ...lesson, at, phase: "idea" } };
  }
  return { do: "show", step: Math.max(0, step - 1) };
}

/** All guesses of a pass come at once; then a step at a time.
 *
 * @param {Reading} reading
 * @param {number} step
 */
function stepAfter(reading, step) {
  let next = step + 1;
  while (reading.steps[next - 1].kind === "propose") next += 1;
  return next;
}
