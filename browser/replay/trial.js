/** A draft tried out: its text as it is decoded in the viewer's browser, every token marked by who made
 * it, and tokens a second beside plain decoding. */

/** @import { Mounted, OwnPrompt } from "../shared/types" */
/** @import { Spurt, Try } from "../engine/worker.js" */

import { component } from "../shared/component.js";
import { make } from "../shared/dom.js";
import { GLOSSARY } from "../shared/glossary.js";
import { pieceOf } from "../shared/glyphs.js";
import { localWork } from "../shared/local.js";
import { term } from "../shared/term.js";
import { track } from "./score.js";
import { sample, spoken } from "./stage.js";

const WORDS = {
  ours: "Tokens a second of speculative decoding, as timed in this browser: drafting and checking, without the prompt's own pass.",
  plain:
    "Tokens a second of the target alone: its pass over the newest token, timed after every round.",
};
const MADE = /** @type {const} */ (["accepted", "residual", "bonus"]);
const ENDINGS = {
  eos: "The text has come to its end.",
  length: "These are as many tokens as were asked for.",
  context: "The models take no longer text.",
};

/** @typedef {{ view: OwnPrompt }} Data */

/** What was counted of a text so far; speeds in tokens a second.
 *
 * @param {Pick<Spurt, "round" | "plain_ms">[]} spurts
 */
export function tally(spurts) {
  const sum = (/** @type {(spurt: typeof spurts[number]) => number} */ of) =>
    spurts.reduce((all, spurt) => all + of(spurt), 0);
  const kept = sum(({ round }) => round.proposals.filter(({ accepted }) => accepted).length);
  const tested = sum(
    ({ round }) => round.proposals.filter(({ accepted }) => accepted !== null).length,
  );
  const tokens = kept + sum(({ round }) => Number(round.last !== null));
  return {
    tokens,
    passes: spurts.length,
    kept,
    tested,
    speed: {
      ours: (1000 * tokens) / sum(({ round }) => round.draft_ms + round.verify_ms),
      plain: (1000 * spurts.length) / sum(({ plain_ms }) => plain_ms),
    },
  };
}

/**
 * @param {HTMLElement} parent
 * @returns {Mounted<Data>}
 */
export function draftTrial(parent) {
  /** @type {OwnPrompt} */
  let view;
  /** @type {Spurt[]} */
  let spurts = [];

  /** @type {typeof localWork<Try, null>} */
  const trying = localWork;
  const work = trying({
    verb: "Decoded",
    doing: "Decoding, one pass of the target after the other.",
    prepare: async () => null,
    hear(spurt) {
      if (spurt) add(spurt);
      else begin();
      return tally(spurts).tokens;
    },
    show(stopped) {
      ending.textContent = ENDINGS[stopped];
    },
    hide: (stopped) => stopped || begin(),
    again: true,
  });
  const text = make("div", { class: "text", tabindex: 0, role: "region", "aria-label": "Text" });
  const ours = track("with the draft", WORDS.ours);
  const plain = track("target alone", WORDS.plain);
  const counted = make("p", { class: "quiet" });
  const ending = make("p", { class: "quiet" });
  const root = make(
    "section",
    { class: "replay trial" },
    work.element,
    make(
      "div",
      { class: "race" },
      make("p", { class: "quiet" }, "Tokens a second, as this browser decodes:"),
      ours.element,
      plain.element,
    ),
    counted,
    text,
    ending,
    make("div", { class: "legend quiet" }, ...MADE.map(sample)),
  );
  parent.append(root);

  function begin() {
    spurts = [];
    ending.textContent = "";
    text.replaceChildren(make("span", { class: "word prompt" }, view.prompt));
    tell();
  }

  /** @param {Spurt} spurt */
  function add(spurt) {
    spurts.push(spurt);
    const { round, vocabulary } = spurt;
    const piece = (/** @type {number} */ token) => pieceOf(vocabulary, token);
    const atEnd = text.scrollHeight - text.scrollTop - text.clientHeight < 40;
    for (const { token, accepted } of round.proposals) {
      if (accepted) text.append(spoken({ piece }, token, { class: "accepted" }));
    }
    if (round.last) text.append(spoken({ piece }, round.last.token, { class: round.last.kind }));
    if (atEnd) text.scrollTop = text.scrollHeight;
    tell();
  }

  function tell() {
    const { tokens, passes, kept, tested, speed } = tally(spurts);
    const most = Math.max(speed.ours, speed.plain);
    for (const [{ bar, count }, each] of /** @type {const} */ ([
      [ours, speed.ours],
      [plain, speed.plain],
    ])) {
      bar.style.transform = `scaleX(${passes ? each / most : 0})`;
      count.textContent = passes ? each.toFixed(each < 10 ? 1 : 0) : "–";
    }
    counted.replaceChildren(
      `${tokens} tokens in ${passes} passes of the target; `,
      term("guesses accepted", GLOSSARY["alpha.tested"].text),
      tested ? `: ${kept} of ${tested}, ${((100 * kept) / tested).toFixed(0)} %.` : ": none yet.",
    );
  }

  /** @param {Data} data
   * @param {(name: string, value: unknown) => void} report
   */
  function show(data, report) {
    view = data.view;
    const { id, engine, clicks, draft, prompt, decoding, seed } = view;
    if (!text.childElementCount) begin();
    /** @type {Try} */
    const request = { what: "try", draft, prompt, decoding, seed };
    work.ask({ id, engine, clicks, request, total: decoding.max_new_tokens }, report);
  }

  function leave() {
    work.leave();
    root.remove();
  }

  return { show, leave };
}

export default component(draftTrial);
