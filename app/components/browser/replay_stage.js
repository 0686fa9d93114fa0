/* The stage: the text so far, and the passes of the target, one a line, with every guess. */

const LEGEND = ["proposed", "accepted", "rejected", "untested", "residual", "bonus"];
const BLOCK = 150; // tokens
const SURPRISES = {
  lucky: ["✦", "lucky", `Accepted, though the chance was at most ${100 * LUCKY} %.`],
  unlucky: ["!", "unlucky", `Rejected, though the chance of being accepted was at least ${100 * UNLUCKY} %.`],
};

function replayStage(reading) {
  const text = make(
    "div",
    { class: "text", tabindex: 0, role: "region", "aria-label": "Text so far" },
    ...textBlocks(reading),
  );
  const rows = reading.rounds.map((round) => rowOf(reading, round));
  const ladder = make(
    "div",
    { class: "ladder", tabindex: 0, role: "region", "aria-label": "Passes of the target" },
    ...rows.map(({ element }) => element),
  );
  const heading = make(
    "div",
    { class: "round heading quiet", "aria-hidden": "true" },
    make("span", { class: "number" }, "pass"),
    make("span", {}, "what the draft guessed, and what became of it"),
    make("span", { class: "yield there" }, "tokens"),
  );
  let current = null;

  /* Dress the rounds that lie between two steps. */
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

  function dress(chip, step) {
    const look = lookOf(chip, step);
    if (look === chip.look) return;
    chip.look = look;
    const added = chip.kind === "residual" || chip.kind === "bonus" ? " added" : "";
    const luck = look === chip.kind && chip.luck ? ` ${chip.luck}` : "";
    chip.element.className = `chip ${look}${added}${luck} ${sureness(chip, look)}`;
    if (chip.word) chip.word.className = look === chip.kind ? `word ${look}` : "word hidden";
  }

  function follow(step) {
    const { word } = reading.kept[Math.max(0, reading.total.tokens[step] - 1)];
    const below = word.getBoundingClientRect().bottom + 12 - text.getBoundingClientRect().bottom;
    if (Math.abs(below) > 4) text.scrollTop += below;
    if (!current) return;
    const low = current.offsetTop + current.offsetHeight + 8 - ladder.clientHeight;
    if (ladder.scrollTop < low || ladder.scrollTop > current.offsetTop) ladder.scrollTop = low;
  }

  function choose(chip) {
    for (const one of [ladder, text]) one.querySelector(".chosen")?.classList.remove("chosen");
    chip?.element.classList.add("chosen");
    chip?.word?.classList.add("chosen");
  }

  for (const chip of reading.chips) dress(chip, 0);
  return { text, heading, ladder, show, follow, choose };
}

/* Prompt and text, in blocks that a browser draws by themselves: a long text is cut before a word. */
function textBlocks(reading) {
  const first = reading.trace.prompt.map((token) => spoken(reading, token, { class: "prompt" }));
  const blocks = [first];
  for (const chip of reading.kept) {
    chip.word = spoken(reading, chip.token, { "data-chip": chip.id });
    const full = blocks.at(-1).length >= BLOCK && chip.at > 0;
    if (full && /^\s/.test(reading.piece(chip.token).text ?? "")) blocks.push([]);
    blocks.at(-1).push(chip.word);
  }
  return blocks.map((words) => make("div", { class: "block" }, ...words));
}

function spoken(reading, token, attributes) {
  const piece = reading.piece(token);
  const element = make("span", { ...attributes, class: `word ${attributes.class ?? "hidden"}` });
  spell(element, piece);
  if (endsLine(piece)) element.append(document.createElement("br"));
  return element;
}

function rowOf(reading, round) {
  for (const chip of round.chips) {
    chip.element = make("button", { type: "button", tabindex: -1, "data-chip": chip.id });
    chip.element.append(spelled(reading.piece(chip.token)));
  }
  const made = round.chips.filter(({ at }) => at !== null).length;
  const got = make("span", { class: "yield", title: "Tokens of the text that came out of this pass" }, `+${made}`);
  const element = make(
    "div",
    { class: "round" },
    make("span", { class: "number quiet", title: passTitle(round) }, round.number + 1),
    make("div", { class: "chips" }, ...inOrder(round).map((chip) => chip.element)),
    got,
  );
  return { element, yield: got };
}

/* The target's token stands where the rejected one would have stood; what is void comes after. */
function inOrder({ chips }) {
  return [
    ...chips.filter(({ kind }) => kind !== "untested"),
    ...chips.filter(({ kind }) => kind === "untested"),
  ];
}

function passTitle(round) {
  return (
    `Pass ${round.number + 1} of the target: drafting took ${round.draft_ms.toFixed(2)} ms, ` +
    `verifying ${round.verify_ms.toFixed(2)} ms`
  );
}

/* The border says how likely the outcome was. */
function sureness(chip, look) {
  if (look !== chip.kind || chip.likely === undefined) return "";
  return chip.likely >= UNLUCKY ? "sure" : chip.likely > LUCKY ? "open" : "surprise";
}

/* What a chip is, for those who point at it; what it has become it may only say once it is seen. */
function chipTitle(reading, chip) {
  if (chip.look !== chip.kind) return KINDS.proposed[2];
  const [, name, meaning] = KINDS[chip.kind];
  const luck = chip.luck ? ` ${SURPRISES[chip.luck][2]}` : "";
  const chance =
    chip.chance === undefined
      ? ""
      : ` Chance of being accepted: min(1, p/q) = ${number(chip.chance)}; u = ${number(chip.data.u)}.`;
  return `${name}: ${meaning}${chance}${luck}`;
}

function replayLegend() {
  const sample = (look, [, name, title]) =>
    make("span", { class: "sample", title }, make("span", { class: `chip ${look}`, "aria-hidden": "true" }), name);
  return make(
    "div",
    { class: "legend quiet" },
    ...LEGEND.map((look) => sample(look, KINDS[look])),
    ...Object.entries(SURPRISES).map(([luck, words]) =>
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
