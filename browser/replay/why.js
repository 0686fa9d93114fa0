/** The why card: one decision, in a sentence, as bars and as the die that was thrown. */

/** @import { Child } from "../shared/dom" */
/** @import { Accepted, Bonus, Chip, Reading, Rejected, Residual, Test } from "./trace" */

import { make } from "../shared/dom.js";
import { spelled } from "../shared/glyphs.js";
import { shortPercent } from "../shared/numbers.js";
import { probability } from "./numbers.js";
import { KINDS } from "./trace.js";

const WHY = {
  bars:
    "The likeliest tokens of both models here, with temperature, top-k and top-p applied. Solid is " +
    "min(p, q), what both models give; hatched is what only one of them gives.",
  own: "The likeliest tokens of both models here, at temperature 1. Solid is min(p, q).",
  overlap:
    "β = Σ min(p, q) over all tokens: the chance that a guess is accepted here, before it is known " +
    "which token it is. In percent.",
  die:
    "A uniform random number u from 0 to 1, fixed by the seed and the place in the text. The guess " +
    "is accepted if u < min(1, p/q).",
  residual:
    "What the target gives more than the draft, max(p − q, 0), scaled to sum to 1: drawing from it " +
    "after a rejection makes the text follow the target exactly. Five likeliest.",
  bonus: "The target's own distribution p, from which the extra token is drawn. Five likeliest.",
  u: "The uniform random number with which it was drawn.",
};

/**
 * @param {Reading} reading
 * @param {Chip} chip
 */
export function whyCard(reading, chip) {
  const parts = reading.greedy ? greedyCard(reading, chip) : sampledCard(reading, chip);
  const card = make(
    "article",
    { class: `why ${chip.kind}`, "aria-label": "Why" },
    whyHeading(reading, chip),
    ...parts,
  );
  card.dataset.chip = chip.id;
  return card;
}

/**
 * @param {Reading} reading
 * @param {Chip} chip
 */
function whyHeading(reading, chip) {
  const [mark, name] = KINDS[chip.kind];
  const whole = reading.whole(chip);
  return make(
    "header",
    {},
    make("span", { class: "verdict" }, `${mark} ${name}`),
    spelled(reading.piece(chip.token), { class: "title" }),
    whole === undefined
      ? null
      : make("span", { class: "quiet" }, "part of ", spelled({ text: whole })),
    make("span", { class: "quiet" }, `pass ${chip.round + 1}`),
  );
}

/* Sampling. */

/**
 * @param {Reading} reading
 * @param {Chip} chip
 * @returns {Child[]}
 */
function sampledCard(reading, chip) {
  const word = () => quoted(reading, chip.token);
  if (chip.kind === "untested") {
    return [untestedSentence(), likeliestBars(reading, chip.data, WHY.bars, chip.token)];
  }
  if (chip.kind === "bonus") {
    const { data } = chip;
    return [
      make("p", {}, bonusSentence(reading, chip), word(), ` (${shortPercent(data.p)}).`),
      drawnBars(reading, chip, "what the target drew from: p", WHY.bonus),
      make("p", { class: "quiet", title: WHY.u }, `Drawn with u = ${data.u.toFixed(3)}`),
    ];
  }
  if (chip.kind === "residual") {
    const { data } = chip;
    const rejected = rejectedIn(reading, chip);
    return [
      make(
        "p",
        {},
        "The target had rejected ",
        quoted(reading, rejected.token),
        ", so it writes a token itself, drawn from what it gives more than the draft: ",
        word(),
        ".",
      ),
      drawnBars(reading, chip, "what it was drawn from: max(p − q, 0), scaled", WHY.residual),
      likeliestBars(reading, rejected.data, WHY.bars, chip.token),
      make("p", { class: "quiet", title: WHY.u }, `Drawn with u = ${data.u.toFixed(3)}`),
    ];
  }
  const { data } = chip;
  const test = /** @type {Test} */ (chip.test); // as sampling has it
  const sure = data.p >= data.q;
  const sentence = make(
    "p",
    {},
    "The draft gave ",
    word(),
    ` ${shortPercent(data.q)}, the target ${shortPercent(data.p)}: `,
    sure
      ? "the target likes it at least as much, so it is always kept."
      : `it is kept with probability ${data.p === 0 ? "0" : probability(test.chance)}. ` +
          `The die showed ${probability(test.u)}: ${chip.kind}.`,
    test.luck ? ` That was ${test.luck === "lucky" ? "lucky" : "bad luck"}.` : "",
  );
  return [
    sentence,
    die(test),
    likeliestBars(reading, data, WHY.bars, chip.token),
    overlapLine(data.overlap),
  ];
}

/**
 * @param {Reading} reading
 * @param {Residual} chip
 */
function rejectedIn(reading, chip) {
  const { chips } = reading.rounds[chip.round];
  return /** @type {Rejected} */ (chips.find(({ kind }) => kind === "rejected"));
}

/**
 * @param {Reading} reading
 * @param {Bonus} chip
 */
function bonusSentence(reading, chip) {
  const guesses = reading.rounds[chip.round].proposals.length;
  return guesses
    ? `All ${guesses} guesses were kept. The target's pass says already what comes next, so it adds one more token: `
    : "There was no room for a guess: the target writes the last token itself, ";
}

function untestedSentence() {
  return make(
    "p",
    {},
    "Never tested: a guess before it was rejected, so the text that this one would go on from never came to be. Its drafting was in vain.",
  );
}

/* Greedy. */

/**
 * @param {Reading} reading
 * @param {Chip} chip
 * @returns {Child[]}
 */
function greedyCard(reading, chip) {
  const word = () => quoted(reading, chip.token);
  if (chip.kind === "untested") {
    return [untestedSentence(), likeliestBars(reading, chip.data, WHY.own, chip.token)];
  }
  if (chip.kind === "bonus") {
    const { data } = chip;
    return [
      make(
        "p",
        {},
        bonusSentence(reading, chip),
        word(),
        `, its likeliest (${shortPercent(data.p)}).`,
      ),
      likeliestBars(reading, data, WHY.own, chip.token),
      greedyNote(),
    ];
  }
  const proposal = chip.kind === "residual" ? rejectedIn(reading, chip) : chip;
  return [
    make("p", {}, ...greedySentence(reading, chip, proposal, word)),
    likeliestBars(reading, proposal.data, WHY.own, chip.token),
    greedyNote(),
  ];
}

/**
 * @param {Reading} reading
 * @param {Accepted | Rejected | Residual} chip
 * @param {Accepted | Rejected} proposal that was tested
 * @param {() => HTMLElement} word the chip's token
 * @returns {Child[]}
 */
function greedySentence(reading, chip, proposal, word) {
  if (chip.kind === "residual") {
    const rejected = quoted(reading, proposal.token);
    const likely = ` (${shortPercent(chip.data.p)}).`;
    return [
      "The target had rejected ",
      rejected,
      " and writes its own likeliest token: ",
      word(),
      likely,
    ];
  }
  const { p, q } = chip.data;
  const drafted = ["The draft's likeliest token is ", word(), ` (${shortPercent(q)}); `];
  if (chip.kind === "accepted") {
    return [...drafted, `it is the target's likeliest too (${shortPercent(p)}): accepted.`];
  }
  const own = reading.rounds[chip.round].chips.find(({ kind }) => kind === "residual");
  const other = own
    ? ["; its likeliest is ", quoted(reading, own.token), ` (${shortPercent(own.data.p)})`]
    : [];
  return [...drafted, `the target gives it ${shortPercent(p)}`, ...other, ": rejected."];
}

function greedyNote() {
  return make(
    "p",
    { class: "quiet" },
    "Greedy decoding: no die. A guess is accepted if both models have the same likeliest token; the bars show the models' own distributions.",
  );
}

/* Parts. */

/**
 * @param {Reading} reading
 * @param {number} token
 */
export function quoted(reading, token) {
  return make("q", {}, spelled(reading.piece(token)));
}

/** 0 to 1, the accepted part shaded, and where the die fell.
 *
 * @param {Test} test
 */
function die({ chance, u }) {
  const at = `${(100 * u).toFixed(2)}%`;
  const spoken = `accepted below ${probability(chance)}; the die showed ${probability(u)}`;
  return make(
    "figure",
    { class: "die", title: WHY.die, role: "img", "aria-label": spoken },
    make(
      "div",
      { class: "line", style: `--chance:${chance}` },
      make("span", { class: "part in" }, chance >= 0.24 ? "accepted" : ""),
      chance === 1 ? null : make("span", { class: "part out" }, chance <= 0.76 ? "rejected" : ""),
      make("i", { class: "pointer", style: `left:${at}` }),
    ),
    make(
      "div",
      { class: "scale quiet" },
      make("span", {}, "0"),
      make("span", { class: "u", style: `left:${at}` }, `u = ${probability(u)}`),
      make("span", {}, "1"),
    ),
    make(
      "figcaption",
      { class: "quiet" },
      `min(1, p/q) = ${chance === 1 ? "1" : probability(chance)}`,
    ),
  );
}

/** p and q of the likeliest tokens, side by side.
 *
 * @param {Reading} reading
 * @param {{ likeliest: [token: number, p: number, q: number][] }} data
 * @param {string} title
 * @param {number} also the token that is shown however unlikely it is
 */
function likeliestBars(reading, { likeliest }, title, also) {
  if (!likeliest.length) return null;
  const rows = likeliest.slice(0, 7);
  const mine = likeliest.find(([token]) => token === also);
  if (mine && !rows.includes(mine)) rows.push(mine);
  return make(
    "table",
    { class: "bars", title },
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        make("th", { scope: "col" }, "token"),
        make(
          "th",
          { scope: "col" },
          make("span", { class: "p" }, "target p"),
          " ",
          make("span", { class: "q" }, "draft q"),
        ),
        make("th", { scope: "col" }, "p"),
        make("th", { scope: "col" }, "q"),
      ),
    ),
    make(
      "tbody",
      {},
      ...rows.map(([token, p, q]) =>
        make(
          "tr",
          { class: token === also ? "this" : undefined },
          make("th", { scope: "row" }, spelled(reading.piece(token))),
          make(
            "td",
            { class: "pair", style: `--p:${p};--q:${q};--both:${Math.min(p, q)}` },
            make("i", { class: "p" }),
            make("i", { class: "q" }),
          ),
          make("td", {}, shortPercent(p)),
          make("td", {}, shortPercent(q)),
        ),
      ),
    ),
  );
}

/** @param {number | null} overlap */
function overlapLine(overlap) {
  return overlap === null
    ? null
    : make(
        "p",
        { class: "quiet", title: WHY.overlap },
        `A guess is accepted here in β = ${shortPercent(overlap)} of all cases`,
      );
}

/** What the target's own token was drawn from.
 *
 * @param {Reading} reading
 * @param {Residual | Bonus} chip
 * @param {string} caption
 * @param {string} title
 */
function drawnBars(reading, chip, caption, title) {
  return make(
    "table",
    { class: "bars drawn", title },
    make("caption", {}, caption),
    make(
      "tbody",
      {},
      ...chip.data.drawn_from.map(([token, p]) =>
        make(
          "tr",
          { class: token === chip.token ? "this" : undefined },
          make("th", { scope: "row" }, spelled(reading.piece(token))),
          make("td", { class: "pair", style: `--p:${p};--both:${p}` }, make("i", { class: "p" })),
          make("td", {}, shortPercent(p)),
        ),
      ),
    ),
  );
}
