/* A trace as steps: what there is to see after each of them, and what has been counted until then.

   `view` is what app/replay_view.py gives. A *chip* is a token of a round: a proposal, or the one
   that the target added. Step by step, a round's proposals come one by one, are checked at once,
   are decided one by one, and the target's own token arrives. After step 0 there is nothing. */

const LUCKY = 0.2; // accepted, though it had at most this chance
const UNLUCKY = 0.8; // rejected, though it had at least this chance

const KINDS = {
  proposed: ["?", "proposed", "The draft's guess; the target has not seen it yet."],
  accepted: ["✓", "accepted", "The target keeps the draft's guess: a token for free."],
  rejected: ["✗", "rejected", "The target does not keep it: everything after it is void."],
  untested: ["–", "thrown away", "Guessed after a rejected token: never tested."],
  residual: ["↻", "replaced", "The target's own token in place of the rejected one."],
  bonus: ["+", "extra", "All guesses were kept: the target's pass gives one more token."],
};

function readReplay(view) {
  const { trace } = view;
  const greedy = trace.decoding.temperature === 0;
  const chips = [];
  const steps = []; // {round, kind: propose | check | decide | add, chip}
  const rounds = [];
  const kept = []; // chips of the text, in order
  for (const [number, one] of trace.rounds.entries()) {
    const from = steps.length;
    const own = one.proposals.map((proposal, place) =>
      chipOf({ round: number, place, data: proposal, kind: outcome(proposal), greedy }),
    );
    for (const chip of own) {
      chip.shown = steps.push({ round: number, kind: "propose", chip });
    }
    const checked = steps.push({ round: number, kind: "check", chip: null });
    for (const chip of own) {
      chip.checked = checked;
      if (chip.kind !== "untested") {
        chip.decided = steps.push({ round: number, kind: "decide", chip });
        if (chip.kind === "accepted") chip.at = kept.push(chip) - 1;
      }
    }
    for (const chip of own) chip.decided ??= steps.length; // with the rejection
    if (one.last) {
      const place = one.proposals.length;
      const last = chipOf({ round: number, place, data: one.last, kind: one.last.kind, greedy });
      last.shown = last.checked = last.decided = steps.push({ round: number, kind: "add", chip: last });
      last.at = kept.push(last) - 1;
      own.push(last);
    }
    chips.push(...own);
    rounds.push({ ...one, number, chips: own, from, to: steps.length });
  }
  const total = counts(rounds, steps);
  return {
    ...view,
    greedy,
    chips,
    steps,
    rounds,
    kept,
    total,
    piece: (token) => view.vocabulary[token] ?? { text: `#${token}` },
    whole: (chip) => view.pieces?.[chip.at],
  };
}

function outcome({ accepted }) {
  return accepted === null ? "untested" : accepted ? "accepted" : "rejected";
}

function chipOf({ round, place, data, kind, greedy }) {
  const chip = { round, place, data, kind, token: data.token, id: `${round}.${place}`, at: null };
  const tested = kind === "accepted" || kind === "rejected";
  if (tested && !greedy) {
    chip.chance = Math.min(1, data.p / data.q);
    chip.likely = kind === "accepted" ? chip.chance : 1 - chip.chance;
    chip.luck =
      kind === "accepted" && chip.chance <= LUCKY
        ? "lucky"
        : kind === "rejected" && chip.chance >= UNLUCKY
          ? "unlucky"
          : null;
  }
  return chip;
}

/* How a chip looks after a step. */
function lookOf(chip, step) {
  if (step < chip.shown) return "hidden";
  if (step < chip.checked) return "proposed";
  return step < chip.decided ? "checking" : chip.kind;
}

/* What has been counted after each step; milliseconds are of the recording, at the step's end. */
function counts(rounds, steps) {
  const size = steps.length + 1;
  const [tokens, passes, accepted, tested, drafted] = Array.from(
    { length: 5 },
    () => new Uint32Array(size),
  );
  const ms = new Float64Array(size);
  let before = 0;
  for (const round of rounds) {
    const guesses = round.proposals.length;
    let seen = 0;
    for (let at = round.from + 1; at <= round.to; at += 1) {
      const { kind, chip } = steps[at - 1];
      const own = kind === "add" || (kind === "decide" && chip.kind === "accepted");
      seen += kind === "propose";
      tokens[at] = tokens[at - 1] + own;
      passes[at] = passes[at - 1] + (kind === "check");
      accepted[at] = accepted[at - 1] + (kind === "decide" && chip.kind === "accepted");
      tested[at] = tested[at - 1] + (kind === "decide");
      drafted[at] = drafted[at - 1] + (kind === "propose");
      ms[at] =
        kind === "propose"
          ? before + (round.draft_ms * seen) / guesses
          : before + round.draft_ms + round.verify_ms;
    }
    before += round.draft_ms + round.verify_ms;
  }
  return { tokens, passes, accepted, tested, drafted, ms };
}

/* The passes that the same text would take at another draft length, in expectation.

   Given the text, a proposal is accepted at place t with probability keep[t], whatever happened
   before. starts[t] is the probability that a round starts at t; the target adds a token after
   the last accepted one. Exact in greedy decoding, where keep is 0 or 1. */
function passesAt(gamma, keep) {
  const end = keep.length;
  const starts = new Float64Array(end + 1);
  starts[0] = 1;
  let passes = 0;
  for (let t = 0; t < end; t += 1) {
    passes += starts[t];
    let reached = starts[t];
    for (let i = 0; i < gamma && t + i + 1 < end; i += 1) {
      starts[t + i + 1] += reached * (1 - keep[t + i]);
      reached *= keep[t + i];
    }
    starts[Math.min(end, t + gamma + 1)] += reached;
  }
  return passes;
}

/* keep of every token of the text, as adaspec.speculation.trace.emitted has it. */
function keeps({ kept, greedy }) {
  return kept.map(({ kind, data }) =>
    kind === "accepted" ? (greedy ? 1 : Math.min(1, data.q / data.p)) : (data.keep ?? 0),
  );
}

/* Milliseconds of a round at a draft length: measured ones, those between them interpolated, those
   beyond them as at the nearest. */
function roundMs(costs, gamma) {
  const above = costs.findIndex(([one]) => one >= gamma);
  const high = costs[above < 0 ? costs.length - 1 : above];
  const low = costs[above <= 0 ? (above < 0 ? costs.length - 1 : 0) : above - 1];
  const share = high[0] === low[0] ? 0 : (gamma - low[0]) / (high[0] - low[0]);
  const between = (column) => low[column] + share * (high[column] - low[column]);
  return gamma * between(1) + between(2);
}
