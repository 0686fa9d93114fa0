/* The replay player: a trace (replay_trace.js) and the step at which it is looked at.

   Everything happens in the browser. While it plays, a frame changes classes and transforms only;
   the server hears of step, speed and token when they have rested. */

const SPEEDS = [0.5, 1, 2, 5, 20, 100];
const HOLD = { propose: 320, check: 900, decide: 520, add: 1000 }; // milliseconds at speed 1
const BEGIN = 900;
const LOOKED_AT = 5; // the speed up to which a card can be read while it plays
const OVERTURE = 3; // rounds that play by themselves
const PLAYER_KEYS = [
  ["space", "play, pause"],
  ["← →", "a step back, on"],
  ["Shift ← →", "a round back, on"],
  ["Home End", "beginning, end"],
  ["click", "why this token; again: follow the play"],
  ["Esc", "follow the play again"],
  ["?", "these keys"],
];
const ICONS = {
  play: "M7 4v16l13-8z",
  pause: "M6 4h4v16H6zM14 4h4v16h-4z",
  first: "M5 5h2v14H5zM19 5v14L8 12z",
  last: "M17 5h2v14h-2zM5 5v14l11-7z",
  round_back: "M12 5v14L3 12zM21 5v14l-9-7z",
  round_on: "M12 5v14l9-7zM3 5v14l9-7z",
  back: "M16 5v14L6 12z",
  on: "M8 5v14l10-7z",
};
const players = new WeakMap();

function replayPlayer(parent) {
  const root = make("section", { class: "replay", tabindex: -1 });
  parent.append(root);
  let reading = null;
  let stage = null;
  let score = null;
  let bar = null; // the controls
  let why = null;
  let told = null;
  let report = () => {};
  let at = 0;
  let speed = 1;
  let token = null; // id of the chip that is asked about; null: the last decided
  let playing = false;
  let until = Infinity; // where it pauses by itself
  let since = 0; // milliseconds at speed 1 that this step has been seen
  let last = null; // time of the frame before
  let frame = null;

  function show(view, given, reporter) {
    report = reporter;
    if (reading?.id === view.id) return;
    stop();
    forget();
    reading = readReplay(view);
    [at, since] = [0, 0];
    ({ speed, token } = given);
    build();
    stage.show(0, 0);
    go(clamp(given.step ?? 0, 0, reading.steps.length));
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (given.step === null && !still) {
      play(reading.rounds[Math.min(OVERTURE, reading.rounds.length) - 1].to);
    }
  }

  function build() {
    stage = replayStage(reading);
    score = replayScore(reading);
    bar = replayControls(reading.steps.length, { act, scrub, rate });
    bar.speed.value = String(speed);
    why = make("div", { class: "answer" }, invitation());
    told = make("p", { class: "told", role: "status", "aria-live": "polite" });
    root.replaceChildren(
      make("header", {}, heading(reading), caption(reading)),
      bar.element,
      make(
        "div",
        { class: "scene" },
        make("div", { class: "left" }, stage.text, told, stage.heading, stage.ladder, replayLegend()),
        make("div", { class: "right" }, score.element, why),
      ),
      replayWhatIf(reading),
    );
  }

  /* The step. */

  function go(next) {
    const before = at;
    at = clamp(next, 0, reading.steps.length);
    since = 0;
    stage.show(before, at);
    stage.follow(at);
    if (!playing) requestAnimationFrame(() => settle(2));
    score.show(at);
    run();
    bar.show(at, narrated(reading, at));
    if (playing && speed > LOOKED_AT) return;
    tell();
    explain();
  }

  /* What comes into view for the first time is as large as it is one frame later. */
  function settle(frames) {
    if (playing || !root.isConnected) return;
    stage.follow(at);
    if (frames > 1) requestAnimationFrame(() => settle(frames - 1));
  }

  function tell() {
    told.setAttribute("aria-live", playing ? "off" : "polite");
    told.replaceChildren(...narration(reading, at));
  }

  function explain() {
    const asked = token === null ? null : reading.chips.find(({ id }) => id === token);
    const chip = asked && at >= asked.decided ? asked : lastDecided(reading, at);
    stage.choose(asked && chip === asked ? asked : null);
    if (chip?.id === why.firstChild?.dataset?.chip) return;
    why.replaceChildren(chip ? whyCard(reading, chip) : invitation());
  }

  /* Playing. */

  function play(end = Infinity) {
    if (at >= reading.steps.length) go(0);
    [playing, until, last] = [true, end, null];
    forget();
    bar.play(true);
    root.classList.add("playing");
    root.style.setProperty("--quick", `${Math.min(280, 320 / speed)}ms`);
    frame = requestAnimationFrame(tick);
  }

  function stop() {
    if (!playing) return;
    playing = false;
    cancelAnimationFrame(frame);
    bar.play(false);
    root.classList.remove("playing");
    since = 0;
    run();
    tell();
    explain();
  }

  function tick(now) {
    since += last === null ? 0 : Math.min(now - last, 100) * speed;
    last = now;
    let next = at;
    while (next < reading.steps.length && next < until && since >= hold(next)) {
      since -= hold(next);
      next += 1;
    }
    const left = since;
    if (next !== at) go(next);
    since = left;
    if (at >= Math.min(until, reading.steps.length)) {
      stop();
      if (until === Infinity) changed();
      return;
    }
    run();
    frame = requestAnimationFrame(tick);
  }

  function hold(step) {
    return step === 0 ? BEGIN : HOLD[reading.steps[step - 1].kind];
  }

  /* The recording's clock, between two steps as well. */
  function run() {
    const { ms } = reading.total;
    const share = at < reading.steps.length ? Math.min(1, since / hold(at)) : 0;
    score.run(at, ms[at] + share * ((ms[at + 1] ?? ms[at]) - ms[at]));
  }

  /* What the viewer does. */

  function moved(next) {
    stop();
    go(next);
    changed();
  }

  const roundOf = (step) => (step === 0 ? 0 : reading.steps[step - 1].round);
  const ACTS = {
    play: () => (playing ? (stop(), changed()) : play()),
    back: () => moved(at - 1),
    on: () => moved(at + 1),
    round_back: () => {
      const { from } = reading.rounds[roundOf(at)];
      moved(at > from ? from : at);
    },
    round_on: () => {
      const round = reading.rounds[roundOf(at)];
      moved(at < round.to ? round.to : (reading.rounds[round.number + 1]?.to ?? round.to));
    },
    first: () => moved(0),
    last: () => moved(reading.steps.length),
    help: () => bar.help(),
    follow: () => ask(null),
  };

  function act(name) {
    ACTS[name]();
  }

  function scrub(step) {
    moved(step);
  }

  function rate(next) {
    speed = next;
    root.style.setProperty("--quick", `${Math.min(280, 320 / speed)}ms`);
    changed();
  }

  function ask(id) {
    token = id === token ? null : id;
    explain();
    changed();
  }

  function click({ target }) {
    const chip = target.closest("[data-chip]");
    if (!chip || chip.closest(".why")) return;
    if (playing) stop();
    ask(chip.dataset.chip);
  }

  function point({ target }) {
    const element = target.closest("button[data-chip]");
    const chip = element && reading.chips.find(({ id }) => id === element.dataset.chip);
    if (chip) element.title = chipTitle(reading, chip);
  }

  const KEYS = {
    " ": "play",
    ArrowLeft: "back",
    ArrowRight: "on",
    Home: "first",
    End: "last",
    Escape: "follow",
    "?": "help",
  };
  const WITH_SHIFT = { ArrowLeft: "round_back", ArrowRight: "round_on" };

  function press(event) {
    event.stopPropagation(); // Streamlit has keys of its own
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select")) return;
    const { key, target } = event;
    const pressed = key === " " && target.matches("button, summary") && !target.dataset.chip;
    const name = (event.shiftKey && WITH_SHIFT[key]) || KEYS[key];
    if (!name || pressed || (name === "follow" && token === null)) return;
    event.preventDefault();
    act(name);
  }

  root.addEventListener("click", click);
  root.addEventListener("pointerover", point);
  root.addEventListener("keydown", press);

  const { ask: changed, forget } = whenRested(() => {
    if (!playing) report({ step: at, speed, token, of: reading.id });
  });

  function leave() {
    stop();
    forget();
    root.remove();
  }

  return { show, leave, turn: 0 };
}

/* Words. */

function heading({ title, trace }) {
  const { gamma, temperature, top_k: k, top_p: p } = trace.decoding;
  const drawn = [temperature === 0 ? "greedy" : `temperature ${temperature}`];
  if (k) drawn.push(`top-k ${k}`);
  if (p < 1) drawn.push(`top-p ${p}`);
  return make(
    "h3",
    {},
    title,
    make("span", { class: "quiet", title: "Draft length γ, how tokens are drawn, and the seed of the random numbers." }, `γ = ${gamma} · ${drawn.join(" · ")} · seed ${trace.seed}`),
  );
}

function caption({ trace, draft, target, greedy }) {
  const { gamma } = trace.decoding;
  return make(
    "p",
    { class: "caption" },
    "A small, quick model (the ",
    make("b", {}, `draft, ${draft}`),
    `) guesses the next ${gamma} tokens. The large, slow one (the `,
    make("b", {}, target),
    ") checks all of them in a single pass: it keeps the guesses up to the first it rejects and adds one token of its own. ",
    greedy
      ? "The text is exactly what the target alone would have written, in fewer of its passes."
      : "Nothing is lost: tokens come with exactly the target's own probabilities, in fewer of its passes.",
  );
}

function invitation() {
  return make(
    "p",
    { class: "quiet" },
    "Here you read why a token was accepted or rejected: of the one that was decided last, or of any that you click.",
  );
}

function lastDecided({ steps }, step) {
  for (let at = step; at > 0; at -= 1) {
    const { kind, chip } = steps[at - 1];
    if (kind === "decide" || kind === "add") return chip;
  }
  return null;
}

/* What happens at a step: texts, and tokens as elements. */
function narration(reading, step) {
  if (step === 0) return ["The prompt is there. Now the draft begins to guess."];
  const { round, kind, chip } = reading.steps[step - 1];
  const guesses = reading.rounds[round].proposals.length;
  const word = () => quoted(reading, chip.token);
  const pass = make("b", {}, `Pass ${round + 1}. `);
  if (step === reading.steps.length) return ending(reading);
  if (kind === "propose") return [pass, `The draft guesses (${chip.place + 1} of ${guesses}): `, word()];
  if (kind === "check") {
    return guesses
      ? [pass, `The target reads ${guesses === 1 ? "the guess" : `all ${guesses} guesses`} in one pass …`]
      : [pass, "There is no room for a guess: the target goes on alone."];
  }
  if (kind === "add") {
    return chip.kind === "residual"
      ? [pass, "↻ The target writes its own token instead: ", word()]
      : [pass, guesses ? "+ All guesses kept, so the target adds one of its own: " : "+ The target writes ", word()];
  }
  const left = guesses - chip.place - 1;
  return chip.kind === "accepted"
    ? [pass, "✓ Accepted: ", word()]
    : [
        pass,
        "✗ Rejected: ",
        word(),
        left ? `. The ${left === 1 ? "guess" : `${left} guesses`} after it ${left === 1 ? "is" : "are"} thrown away.` : "",
      ];
}

function ending(reading) {
  const { kept, rounds, total, steps, plain } = reading;
  const [tokens, passes, ms] = [kept.length, rounds.length, total.ms[steps.length]];
  return [
    make("b", {}, "The end. "),
    `${tokens} tokens in ${passes} passes of the target; alone it would have needed ${tokens}. `,
    plain ? timed(reading, ms, plain.ms * tokens) : "",
  ];
}

/* Whether it paid; where it did not, why. */
function timed({ rounds, trace, costs, plain }, ms, plainMs) {
  const both = `${ms.toFixed(0)} ms instead of ${plainMs.toFixed(0)}`;
  if (ms <= plainMs) return `${both}: ${(plainMs / ms).toFixed(2)} times as fast.`;
  const due = costs.length ? rounds.length * roundMs(costs, trace.decoding.gamma) : Infinity;
  return due < plainMs
    ? `${both}: slower. At the costs timed for this run it would have been ${due.toFixed(0)} ms: the machine was busy while this was recorded.`
    : `${both}: slower. Drafting and checking cost more than the passes they saved` +
        (costs.length ? `; one guess costs ${(costs[0][1] / plain.ms).toFixed(2)} of a plain token.` : ".");
}

function narrated(reading, step) {
  const where = step === 0 ? "beginning" : `pass ${reading.steps[step - 1].round + 1} of ${reading.rounds.length}`;
  return `step ${step} of ${reading.steps.length}, ${where}`;
}

/* Controls. */

function replayControls(steps, { act, scrub, rate }) {
  const button = (name, title) => {
    const one = make("button", { type: "button", class: name, title, "aria-label": title }, icon(name));
    one.addEventListener("click", () => act(name));
    return one;
  };
  const start = button("play", "Play (space)");
  const slider = make("input", { type: "range", min: 0, max: steps, step: 1, value: 0, "aria-label": "Step" });
  const where = make("output", { class: "where quiet" });
  const speed = make(
    "select",
    { "aria-label": "Speed", title: "1×: slow motion, about five seconds a pass. The race runs by the recorded clock." },
    ...SPEEDS.map((one) => make("option", { value: one }, `${one}×`)),
  );
  const keys = make(
    "details",
    { class: "keys" },
    make("summary", { "aria-label": "Keys", title: "Keys" }, "?"),
    make("dl", {}, ...PLAYER_KEYS.flatMap(([key, does]) => [make("dt", {}, key), make("dd", {}, does)])),
  );
  slider.addEventListener("input", () => scrub(Number(slider.value)));
  speed.addEventListener("change", () => rate(Number(speed.value)));
  const element = make(
    "div",
    { class: "controls", role: "group", "aria-label": "Player" },
    button("first", "To the beginning (Home)"),
    button("round_back", "A round back (Shift ←)"),
    button("back", "A step back (←)"),
    start,
    button("on", "A step on (→)"),
    button("round_on", "A round on (Shift →)"),
    button("last", "To the end (End)"),
    slider,
    where,
    make("label", {}, make("span", {}, "speed"), speed),
    keys,
  );

  function show(step, words) {
    slider.value = step;
    slider.setAttribute("aria-valuetext", words);
    where.textContent = words;
  }

  function play(on) {
    const title = on ? "Pause (space)" : "Play (space)";
    start.title = title;
    start.setAttribute("aria-label", title);
    start.replaceChildren(icon(on ? "pause" : "play"), make("span", {}, on ? "Pause" : "Play"));
  }

  play(false);
  return { element, speed, show, play, help: () => (keys.open = !keys.open) };
}

function icon(name) {
  return draw("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, draw("path", { d: ICONS[name] }));
}

export default function replay_player({ data, parentElement, setStateValue }) {
  if (!players.has(parentElement)) players.set(parentElement, replayPlayer(parentElement));
  const player = players.get(parentElement);
  player.show(data.view, data.state, (state) => setStateValue("state", state));
  const turn = (player.turn += 1);
  return () => {
    if (player.turn !== turn) return; // called again since: Streamlit leaves what it has overtaken
    players.delete(parentElement);
    player.leave();
  };
}
