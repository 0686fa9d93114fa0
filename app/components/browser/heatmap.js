/* The token heatmap: one state, the parts that show it, and the keys that change it.

   Mounted once for each place on the page. Called again with the view it shows already it changes
   nothing; with another view it keeps how the user looks at tokens. What the user has changed is
   reported when it has rested for a moment, and never while something is dragged. */

const REST = 400; // milliseconds
const mounted = new WeakMap();

function mount(parent) {
  let reading = null;
  let state = null;
  let model = null;
  let report = () => {};
  let due = null;
  let dragging = false;
  let matches = [];
  let match = -1;
  const limits = new Map(); // metric -> [low, high], where the user has moved them

  const panel = controls({
    change,
    onSearch: seek,
    onNext: nextMatch,
    onLeave: leaveSearch,
    onPicture: download,
  });
  const scale = legend({ onLimits: limit, onPart: light });
  const text = tokenText({ onHover: (row) => hover(row), onPick: pick });
  const line = positionLine({ onHover: hoverLine, onGo: go });
  const notes = make("p", { class: "quiet notes" });
  const float = make("div", { class: "float", hidden: "" });
  const pins = make("div", { class: "pins", role: "group", "aria-label": "Pinned tokens" });
  const told = make("div", { class: "told", role: "status", "aria-live": "polite" });
  const title = make("h3", { class: "view-title" });
  const root = make(
    "section",
    { class: "heatmap" },
    make("div", { class: "row top" }, make("div", {}, title, panel.choice, notes), scale.element),
    panel.selection,
    panel.training,
    panel.setting,
    text.element,
    line.element,
    pins,
    float,
    told,
  );
  parent.append(root);

  function show(view, given, reporter) {
    report = reporter;
    if (reading?.id === view.id) return;
    const { token, pins: pinned } = given;
    const step = state && view.timeline.includes(state.step) ? state.step : given.step;
    state = state ? { ...state, token, pins: pinned, step } : { ...given };
    reading = read(view);
    remodel();
    title.textContent = reading.title;
    text.element.setAttribute("aria-label", `Tokens of ${reading.title}`);
    notes.replaceChildren(...reading.notes.map((note) => make("span", {}, note)));
    text.show(model);
    drawMetric();
    drawPins();
    leaveSearch(false);
    hide();
    if (state.token !== null && state.token < reading.rows) text.choose(state.token, "centre");
  }

  /* All that follows from the state. */
  function remodel() {
    const draft = reading.timeline.includes(state.step) ? state.step : reading.roles.draft;
    const roles = { ...reading.roles, draft };
    const metrics = reading.metrics.filter((metric) => reading.offers(metric, roles));
    const metric = metrics.find(({ name }) => name === state.metric) ?? metrics[0];
    model = {
      reading,
      state,
      roles,
      metrics,
      metric,
      scale: scaleOf(metric, limits.get(metric.name)),
      values: reading.values(metric, roles),
      entries: reading.entries(state.pool, draft),
      triple: state.underline === "triple" ? triple(roles) : null,
    };
  }

  /* Three drafts' KL on one scale, in the drafts' own colours. */
  function triple(roles) {
    const names = ["stock", "reference", "draft"];
    const kl = reading.metrics.find(({ column, minus }) => column === "kl" && !minus);
    return {
      names,
      scale: scaleOf(kl, limits.get(kl.name)),
      columns: names.map((role) => reading.measure("kl", roles[role])),
      colours: names.map((role) => reading.snapshots[roles[role]]?.colour ?? "transparent"),
    };
  }

  function drawMetric() {
    panel.show(model);
    scale.show(model);
    line.show(model);
  }

  const SAME_COLOURS = ["k", "pool", "density", "wrap", "prompt", "outline", "token", "pins"];

  function change(patch) {
    if ("at" in patch) patch = { step: reading.timeline[patch.at] };
    state = { ...state, ...patch };
    const { step } = model.state;
    remodel();
    const names = Object.keys(patch);
    if (names.every((name) => name === "k")) panel.showK(model);
    else if (names.every((name) => SAME_COLOURS.includes(name))) panel.show(model);
    else drawMetric();
    if (names.every((name) => SAME_COLOURS.includes(name))) text.adjust(model);
    else text.redress(model);
    if (state.step !== step) drawPins();
    changed();
  }

  function limit(pair) {
    if (pair) limits.set(model.metric.name, pair);
    else limits.delete(model.metric.name);
    remodel();
    scale.limits(model);
    line.show(model);
    text.redress(model);
  }

  /* Reporting. */

  function changed() {
    clearTimeout(due);
    due = setTimeout(flush, REST);
  }

  function flush() {
    if (dragging || due === null) return;
    clearTimeout(due);
    due = null;
    report({ ...state, of: reading.id }); // its token and pins are of this text
  }

  const grab = () => (dragging = true);
  const release = () => {
    if (!dragging) return;
    dragging = false;
    if (due !== null) changed();
  };
  root.addEventListener("pointerdown", grab);
  window.addEventListener("pointerup", release);
  window.addEventListener("pointercancel", release);

  /* Pointing at a token: in the text, in the line and in the histogram alike. */

  function hover(row, rect) {
    text.element.querySelector(".hovered")?.classList.remove("hovered");
    line.point(row);
    if (row === null) {
      scale.point(null);
      float.hidden = true;
      return;
    }
    text.token(row)?.classList.add("hovered");
    scale.point(model.values[row]);
    float.replaceChildren(card(model, row));
    float.hidden = false;
    beCloseTo(rect ?? text.box(row), rect !== undefined);
  }

  const hide = () => hover(null);

  function hoverLine(row, x) {
    if (row === null) return hide();
    const { top, bottom } = line.box();
    return hover(row, { left: x, right: x, top, bottom });
  }

  /* Below the token, or above it where there is no room, and never out of the window. */
  function beCloseTo(rect, above) {
    const [frame, size] = [root.getBoundingClientRect(), float.getBoundingClientRect()];
    const up = above || rect.bottom + size.height + 12 > window.innerHeight;
    const top = up && rect.top - size.height - 8 > 0 ? rect.top - size.height - 8 : rect.bottom + 8;
    const left = clamp(rect.left, frame.left, Math.max(frame.left, frame.right - size.width));
    float.style.translate = `${left - frame.left}px ${top - frame.top}px`;
  }

  function light(test) {
    text.light(test ? (row) => test(model.values[row]) : () => false);
    line.light(test);
  }

  /* The current token, and cards that stay. */

  function go(row) {
    text.choose(row, "centre");
    change({ token: row });
    tell(row);
  }

  function step(row) {
    if (row === null) return;
    text.choose(row);
    change({ token: row });
    hover(row);
    tell(row);
  }

  function pick(row) {
    text.choose(row);
    change({ token: row });
    pin(row);
  }

  function pin(row) {
    const rest = state.pins.filter((one) => one !== row);
    change({ pins: rest.length < state.pins.length ? rest : [...rest, row] });
    drawPins();
    tell(row);
  }

  function drawPins() {
    pins.replaceChildren(
      ...state.pins.filter((row) => row < reading.rows).map((row) => pinned(row)),
    );
  }

  function pinned(row) {
    const element = card(model, row);
    const find = make("button", { type: "button", title: "Show it in the text" }, "show");
    const close = make("button", { type: "button", "aria-label": "Remove the card" }, "×");
    find.addEventListener("click", () => go(row));
    close.addEventListener("click", () => pin(row));
    element.firstChild.append(make("span", { class: "buttons" }, find, close));
    element.addEventListener("pointerenter", () => {
      line.point(row);
      scale.point(model.values[row]);
      text.token(row)?.classList.add("hovered");
    });
    element.addEventListener("pointerleave", hide);
    return element;
  }

  function tell(row) {
    const { metric, values, entries } = model;
    const spoken = glyphs(reading.piece(row)).map((run) => run.text).join("");
    const scored = reading.response[row]
      ? `${metric.label} ${written(values[row])} ${metric.unit}`
      : "prompt, not measured";
    const kept = entries && entries[row] <= 1000 ? `, kept ${keptFrom(entries[row])}` : "";
    const has = state.pins.includes(row) ? ", pinned" : "";
    told.textContent = `${spoken}, token ${row + 1}: ${scored}${kept}${has}`;
  }

  /* Search. */

  function seek(sought) {
    matches = occurrences(reading, sought);
    match = -1;
    text.find(matches.flat());
    panel.found(sought ? `${matches.length} found` : "");
  }

  function nextMatch(way) {
    if (!matches.length) return;
    match = (match + way + matches.length) % matches.length;
    panel.found(`${match + 1} of ${matches.length}`);
    go(matches[match][0]);
  }

  function leaveSearch(back = true) {
    panel.clear();
    seek("");
    if (back) text.element.focus({ preventScroll: true });
  }

  /* Keys. */

  const first = () => text.beside(-1, 1);
  const KEYS = {
    ArrowRight: () => step(state.token === null ? first() : text.beside(state.token, 1)),
    ArrowLeft: () => step(state.token === null ? first() : text.beside(state.token, -1)),
    ArrowDown: () => step(state.token === null ? first() : text.across(state.token, 1)),
    ArrowUp: () => step(state.token === null ? first() : text.across(state.token, -1)),
    Home: () => step(first()),
    End: () => step(text.beside(reading.rows, -1)),
    Escape: hide,
  };
  const ANYWHERE = {
    p: () => state.token !== null && pin(state.token),
    s: () => change({ outline: !state.outline }),
    "/": () => panel.seek(),
    "[": () => scrub(-1),
    "]": () => scrub(1),
    "?": () => panel.help(),
  };

  function scrub(way) {
    const at = reading.timeline.indexOf(model.roles.draft) + way;
    if (at >= 0 && at < reading.timeline.length) change({ at });
  }

  function press(event) {
    event.stopPropagation(); // Streamlit has keys of its own
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { target, key } = event;
    if (target.matches("input[type=search], input[type=number]")) return;
    const number = /^[1-9]$/.test(key) ? model.metrics[key - 1] : undefined;
    const act =
      (target === text.element && KEYS[key]) ||
      ANYWHERE[key.toLowerCase()] ||
      (number && (() => change({ metric: number.name })));
    if (!act) return;
    event.preventDefault();
    act();
  }

  root.addEventListener("keydown", press);
  text.element.addEventListener("blur", hide);
  text.element.addEventListener("scroll", () => (float.hidden = true), { passive: true });

  async function download() {
    const url = URL.createObjectURL(await picture(text, model));
    make("a", { href: url, download: `${reading.title.replace(/[^\p{L}\p{N}]+/gu, "-")}.png` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }

  function leave() {
    clearTimeout(due);
    window.removeEventListener("pointerup", release);
    window.removeEventListener("pointercancel", release);
    text.leave();
    root.remove();
  }

  return { show, leave, turn: 0 };
}

export default function heatmap({ data, parentElement, setStateValue }) {
  if (!mounted.has(parentElement)) mounted.set(parentElement, mount(parentElement));
  const one = mounted.get(parentElement);
  one.show(data.view, data.state, (state) => setStateValue("state", state));
  const turn = (one.turn += 1);
  return () => {
    if (one.turn !== turn) return; // called again since: Streamlit leaves what it has overtaken
    mounted.delete(parentElement);
    one.leave();
  };
}
