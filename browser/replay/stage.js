/** The stage: the text so far, and the passes of the target, one a line, with every guess. */

/** @import { Attributes } from "../shared/dom" */
/** @import { Chip, Kind, Reading, Round } from "./trace" */

import { make } from "../shared/dom.js";
import { endsLine, spell, spelled } from "../shared/glyphs.js";
import { probability } from "./numbers.js";
import { KINDS, LUCKY, UNLUCKY, lookOf } from "./trace.js";

/**
 * @typedef {ReturnType<typeof lookOf>} Look
 * @typedef {object} Worn what a chip is seen as
 * @property {HTMLElement} element in its round
 * @property {HTMLElement} [word] in the text
 * @property {Look} [look]
 */

/** @type {(Kind | "proposed")[]} */
const LEGEND = ["proposed", "accepted", "rejected", "untested", "residual", "bonus"];
const BLOCK = 150; // tokens
const SURPRISES = {
  lucky: ["✦", "lucky", `Accepted, though the chance was at most ${100 * LUCKY} %.`],
  unlucky: [
    "!",
    "unlucky",
    `Rejected, though the chance of being accepted was at least ${100 * UNLUCKY} %.`,
  ],
};

/**
 * @param {Reading} reading
 * @param {string} [whose] of several: what its regions are called by
 */
export function replayStage(reading, whose = "") {
  const label = (/** @type {string} */ name) => name + (whose && `, ${whose}`);
  const worn = new Map(reading.chips.map((chip) => [chip, chipElements(reading, chip)]));
  const wornBy = (/** @type {Chip} */ chip) => /** @type {Worn} */ (worn.get(chip));
  const text = make(
    "div",
    { class: "text", tabindex: 0, role: "region", "aria-label": label("Text so far") },
    ...textBlocks(reading, (chip) => wornBy(chip).word ?? null),
  );
  const rows = reading.rounds.map((round) => rowOf(round, (chip) => wornBy(chip).element));
  const ladder = make(
    "div",
    { class: "ladder", tabindex: 0, role: "region", "aria-label": label("Passes of the target") },
    ...rows.map(({ element }) => element),
  );
  const heading = make(
    "div",
    { class: "round heading quiet", "aria-hidden": "true" },
    make("span", { class: "number" }, "pass"),
    make("span", {}, "what the draft guessed, and what became of it"),
    make("span", { class: "yield there" }, "tokens"),
  );
  /** @type {HTMLElement | null} */
  let current = null;

  /** Dress the rounds that lie between two steps.
   *
   * @param {number} before
   * @param {number} step
   */
  function show(before, step) {
    const { steps, rounds } = reading;
    const [low, high] = [Math.min(before, step), Math.max(before, step)];
    const first = steps[low]?.round ?? rounds.length - 1;
    const last = high === 0 ? 0 : steps[high - 1].round;
    for (let at = Math.min(first, last); at <= Math.max(first, last); at += 1) {
      for (const chip of rounds[at].chips) dress(chip, step);
      rows[at].element.classList.toggle("begun", step > rounds[at].from);
      rows[at].yield.classList.toggle("there", step >= rounds[at].to);
    }
    const now = step === 0 ? null : rows[steps[step - 1].round].element;
    if (now !== current) {
      current?.classList.remove("current");
      now?.classList.add("current");
      current = now;
    }
  }

  /**
   * @param {Chip} chip
   * @param {number} step
   */
  function dress(chip, step) {
    const { element, word, look: before } = wornBy(chip);
    const look = lookOf(chip, step);
    if (look === before) return;
    wornBy(chip).look = look;
    const added = chip.kind === "residual" || chip.kind === "bonus" ? " added" : "";
    const luck = look === chip.kind && testOf(chip)?.luck;
    element.className = `chip ${look}${added}${luck ? ` ${luck}` : ""} ${sureness(chip, look)}`;
    if (word) word.className = look === chip.kind ? `word ${look}` : "word hidden";
  }

  /** @param {number} step */
  function follow(step) {
    const { word } = wornBy(reading.kept[Math.max(0, reading.total.tokens[step] - 1)]);
    if (!word) return;
    const [end, last] = [text, word].map((part) => part.getBoundingClientRect().bottom);
    const below = (last - end) / text.currentCSSZoom + 12; // a rectangle is as large as it is seen
    if (Math.abs(below) > 4) text.scrollTop += below;
    if (!current) return;
    const low = current.offsetTop + current.offsetHeight + 8 - ladder.clientHeight;
    if (ladder.scrollTop < low || ladder.scrollTop > current.offsetTop) ladder.scrollTop = low;
  }

  /** @param {Chip | null} chip */
  function choose(chip) {
    for (const part of [ladder, text]) part.querySelector(".chosen")?.classList.remove("chosen");
    if (!chip) return;
    const { element, word } = wornBy(chip);
    element.classList.add("chosen");
    word?.classList.add("chosen");
  }

  /** What a chip is, for those who point at it; what it has become is told only once it is seen.
   *
   * @param {Chip} chip
   */
  function title(chip) {
    return wornBy(chip).look === chip.kind ? chipTitle(chip) : KINDS.proposed[2];
  }

  for (const chip of reading.chips) dress(chip, 0);
  return { text, heading, ladder, show, follow, choose, title };
}

/** Prompt and text, in blocks that a browser draws by themselves: a long text is cut before a word.
 *
 * @param {Reading} reading
 * @param {(chip: Chip) => HTMLElement | null} wordOf
 */
function textBlocks(reading, wordOf) {
  const first = reading.trace.prompt.map((token) => spoken(reading, token, { class: "prompt" }));
  const blocks = [first];
  let last = first;
  for (const chip of reading.kept) {
    const full = last.length >= BLOCK && chip.at !== 0;
    if (full && /^\s/.test(reading.piece(chip.token).text ?? "")) {
      last = [];
      blocks.push(last);
    }
    const word = wordOf(chip);
    if (word) last.push(word);
  }
  return blocks.map((words) => make("div", { class: "block" }, ...words));
}

/** A token as a word of the text.
 *
 * @param {Pick<Reading, "piece">} reading
 * @param {number} token
 * @param {Attributes} attributes
 */
export function spoken(reading, token, attributes) {
  const piece = reading.piece(token);
  const element = make("span", { ...attributes, class: `word ${attributes.class ?? "hidden"}` });
  spell(element, piece);
  if (endsLine(piece)) element.append(document.createElement("br"));
  return element;
}

/**
 * @param {Reading} reading
 * @param {Chip} chip
 * @returns {Worn}
 */
function chipElements(reading, chip) {
  const attributes = { type: "button", tabindex: -1, "data-chip": chip.id };
  const element = make("button", attributes, spelled(reading.piece(chip.token)));
  if (chip.at === null) return { element };
  return { element, word: spoken(reading, chip.token, { "data-chip": chip.id }) };
}

/**
 * @param {Round} round
 * @param {(chip: Chip) => HTMLElement} elementOf
 */
function rowOf(round, elementOf) {
  const made = round.chips.filter(({ at }) => at !== null).length;
  const got = make(
    "span",
    { class: "yield", title: "Tokens of the text that came out of this pass" },
    `+${made}`,
  );
  const element = make(
    "div",
    { class: "round" },
    make("span", { class: "number quiet", title: passTitle(round) }, round.number + 1),
    make("div", { class: "chips" }, ...inOrder(round).map(elementOf)),
    got,
  );
  return { element, yield: got };
}

/** The target's token stands where the rejected one would have stood; what is void comes after.
 *
 * @param {Round} round
 */
function inOrder({ chips }) {
  return [
    ...chips.filter(({ kind }) => kind !== "untested"),
    ...chips.filter(({ kind }) => kind === "untested"),
  ];
}

/** @param {Round} round */
function passTitle(round) {
  return (
    `Pass ${round.number + 1} of the target: drafting took ${round.draft_ms.toFixed(2)} ms, ` +
    `verifying ${round.verify_ms.toFixed(2)} ms`
  );
}

/** @param {Chip} chip */
function testOf(chip) {
  return chip.kind === "accepted" || chip.kind === "rejected" ? chip.test : null;
}

/** The border says how likely the outcome was.
 *
 * @param {Chip} chip
 * @param {Look} look
 */
function sureness(chip, look) {
  const test = testOf(chip);
  if (look !== chip.kind || !test) return "";
  return test.likely >= UNLUCKY ? "sure" : test.likely > LUCKY ? "open" : "surprise";
}

/** @param {Chip} chip */
function chipTitle(chip) {
  const [, name, meaning] = KINDS[chip.kind];
  const test = testOf(chip);
  if (!test) return `${name}: ${meaning}`;
  const luck = test.luck ? ` ${SURPRISES[test.luck][2]}` : "";
  const [chance, u] = [test.chance, test.u].map(probability);
  return `${name}: ${meaning} Chance of being accepted: min(1, p/q) = ${chance}; u = ${u}.${luck}`;
}

/** @param {Kind | "proposed"} look */
export function sample(look) {
  const [, name, title] = KINDS[look];
  const chip = make("span", { class: `chip ${look}`, "aria-hidden": "true" });
  return make("span", { class: "sample", title }, chip, name);
}

export function replayLegend() {
  return make(
    "div",
    { class: "legend quiet" },
    ...LEGEND.map(sample),
    ...Object.values(SURPRISES).map((words) =>
      make("span", { class: "sample", title: words[2] }, make("b", {}, words[0]), words[1]),
    ),
    make(
      "span",
      {
        class: "sample",
        title:
          `Solid: the outcome had a chance of at least ${100 * UNLUCKY} %. Dashed: it could have gone either way. ` +
          `Dotted: at most ${100 * LUCKY} %. Of accepted and rejected guesses.`,
      },
      "border: solid likely, dashed open, dotted surprising",
    ),
  );
}
