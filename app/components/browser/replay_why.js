/* The why card: one decision, in a sentence, as bars and as the die that was thrown. */

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

function whyCard(reading, chip) {
  const said = reading.greedy ? greedyCard : sampledCard;
  const card = make(
    "article",
    { class: `why ${chip.kind}`, "aria-label": "Why" },
    whyHeading(reading, chip),
    ...said(reading, chip).filter(Boolean),
  );
  card.dataset.chip = chip.id;
  return card;
}

function whyHeading(reading, chip) {
  const [mark, name] = KINDS[chip.kind];
  const whole = reading.whole(chip);
  return make(
    "header",
    {},
    make("span", { class: "verdict" }, `${mark} ${name}`),
    spelled(reading.piece(chip.token), { class: "title" }),
    whole === undefined ? null : make("span", { class: "quiet" }, "part of ", spelled({ text: whole })),
    make("span", { class: "quiet" }, `pass ${chip.round + 1}`),
  );
}

/* Sampling. */

function sampledCard(reading, chip) {
  const { data, kind } = chip;
  const word = () => quoted(reading, chip.token);
  if (kind === "untested") return [untestedSentence(), likeliestBars(reading, chip, WHY.bars)];
  if (kind === "bonus") {
    return [
      make("p", {}, ...bonusSentence(reading, chip), word(), ` (${share(data.p)}).`),
      drawnBars(reading, chip, "what the target drew from: p", WHY.bonus),
      make("p", { class: "quiet", title: WHY.u }, `Drawn with u = ${data.u.toFixed(3)}`),
    ];
  }
  if (kind === "residual") {
    return [
      make(
        "p",
        {},
        "The target had rejected ",
        quoted(reading, rejectedIn(reading, chip).token),
        ", so it writes a token itself, drawn from what it gives more than the draft: ",
        word(),
        ".",
      ),
      drawnBars(reading, chip, "what it was drawn from: max(p − q, 0), scaled", WHY.residual),
      likeliestBars(reading, rejectedIn(reading, chip), WHY.bars, chip.token),
      make("p", { class: "quiet", title: WHY.u }, `Drawn with u = ${data.u.toFixed(3)}`),
    ];
  }
  const accepted = kind === "accepted";
  const sure = data.p >= data.q;
  const sentence = make(
    "p",
    {},
    "The draft gave ",
    word(),
    ` ${share(data.q)}, the target ${share(data.p)}: `,
    sure
      ? "the target likes it at least as much, so it is always kept."
      : `it is kept with probability ${data.p === 0 ? "0" : number(chip.chance)}. ` +
        `The die showed ${number(data.u)}: ${accepted ? "accepted" : "rejected"}.`,
    chip.luck ? ` That was ${chip.luck === "lucky" ? "lucky" : "bad luck"}.` : "",
  );
  return [sentence, die(chip), likeliestBars(reading, chip, WHY.bars), overlapLine(data)];
}

function rejectedIn(reading, chip) {
  return reading.rounds[chip.round].chips.find(({ kind }) => kind === "rejected");
}

function bonusSentence(reading, chip) {
  const guesses = reading.rounds[chip.round].proposals.length;
  return guesses
    ? [`All ${guesses} guesses were kept. The target's pass says already what comes next, so it adds one more token: `]
    : ["There was no room for a guess: the target writes the last token itself, "];
}

function untestedSentence() {
  return make(
    "p",
    {},
    "Never tested: a guess before it was rejected, so the text that this one would go on from never came to be. Its drafting was in vain.",
  );
}

/* Greedy. */

function greedyCard(reading, chip) {
  const { data, kind } = chip;
  const word = () => quoted(reading, chip.token);
  if (kind === "untested") return [untestedSentence(), likeliestBars(reading, chip, WHY.own)];
  if (kind === "bonus") {
    return [
      make("p", {}, ...bonusSentence(reading, chip), word(), `, its likeliest (${share(data.p)}).`),
      data.likeliest.length ? likeliestBars(reading, chip, WHY.own) : null,
      greedyNote(),
    ];
  }
  const rejected = kind === "residual" ? rejectedIn(reading, chip) : chip;
  const own = reading.rounds[chip.round].chips.find((one) => one.kind === "residual");
  const sentence = {
    accepted: () => [
      "The draft's likeliest token is ",
      word(),
      ` (${share(data.q)}); it is the target's likeliest too (${share(data.p)}): accepted.`,
    ],
    rejected: () => [
      "The draft's likeliest token is ",
      word(),
      ` (${share(data.q)}); the target gives it ${share(data.p)}`,
      ...(own ? ["; its likeliest is ", quoted(reading, own.token), ` (${share(own.data.p)})`] : []),
      ": rejected.",
    ],
    residual: () => [
      "The target had rejected ",
      quoted(reading, rejected.token),
      " and writes its own likeliest token: ",
      word(),
      ` (${share(data.p)}).`,
    ],
  }[kind]();
  return [
    make("p", {}, ...sentence),
    likeliestBars(reading, rejected, WHY.own, chip.token),
    greedyNote(),
  ];
}

function greedyNote() {
  return make(
    "p",
    { class: "quiet" },
    "Greedy decoding: no die. A guess is accepted if both models have the same likeliest token; the bars show the models' own distributions.",
  );
}

/* Parts. */

function quoted(reading, token) {
  return make("q", {}, spelled(reading.piece(token)));
}

function share(value) {
  if (value === 0) return "0 %";
  if (value < 0.001) return "< 0.1 %";
  return `${(100 * value).toFixed(value < 0.0995 ? 1 : 0)} %`;
}

function number(value) {
  return value > 0 && value < 0.01 ? value.toExponential(1).replace("-", "−") : value.toFixed(2);
}

/* 0 to 1, the accepted part shaded, and where the die fell. */
function die(chip) {
  const { chance, data } = chip;
  const at = `${(100 * data.u).toFixed(2)}%`;
  const spoken = `accepted below ${number(chance)}; the die showed ${number(data.u)}`;
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
      make("span", { class: "u", style: `left:${at}` }, `u = ${number(data.u)}`),
      make("span", {}, "1"),
    ),
    make("figcaption", { class: "quiet" }, `min(1, p/q) = ${chance === 1 ? "1" : number(chance)}`),
  );
}

/* p and q of the likeliest tokens, side by side. */
function likeliestBars(reading, chip, title, also = chip.token) {
  const { likeliest } = chip.data;
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
        make("th", { scope: "col" }, make("span", { class: "p" }, "target p"), " ", make("span", { class: "q" }, "draft q")),
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
          make("td", {}, share(p)),
          make("td", {}, share(q)),
        ),
      ),
    ),
  );
}

function overlapLine({ overlap }) {
  return overlap === null
    ? null
    : make("p", { class: "quiet", title: WHY.overlap }, `A guess is accepted here in β = ${share(overlap)} of all cases`);
}

/* What the target's own token was drawn from. */
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
          make("td", {}, share(p)),
        ),
      ),
    ),
  );
}
