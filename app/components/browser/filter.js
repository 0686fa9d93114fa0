/* The filter lab: a view (filter_figures.js) and one k, which a drag, a key or a number changes.

   Everything follows in the browser at once. The server hears of k when it has rested. */

const REST = 300; // milliseconds
const STEPS = {
  ArrowRight: 5,
  ArrowUp: 5,
  ArrowLeft: -5,
  ArrowDown: -5,
  PageUp: 50,
  PageDown: -50,
  Home: -ALL,
  End: ALL,
};
const labs = new WeakMap(); // parent element -> what is mounted there

function filterLab(parent, first) {
  const root = make("div", { class: "filter" });
  parent.append(root);
  let k = first;
  let sent = first;
  let send = null;
  let due = null;
  let shown = null; // the view's id
  let histogram = null;
  let dials = null;
  let parts = [];
  let grip = null; // how far from the handle's line the pointer holds it, while it does

  function show(view, tell) {
    send = tell;
    if (view.id === shown) return;
    shown = view.id;
    if (grip !== null) drop();
    build(readFilter(view));
    turn(k);
  }

  function build(view) {
    histogram = filterHistogram(view);
    dials = filterDials();
    const numbers = filterNumbers(view);
    const text = filterText(view);
    const groups = view.groups.map((group) => groupTable(view, group));
    const overlaps = view.overlaps.map((overlap) => overlapTable(view, overlap));
    parts = [numbers, histogram, dials, text, ...groups, ...overlaps];
    root.replaceChildren(
      make("h3", {}, view.title),
      make(
        "div",
        { class: "top" },
        make("div", { class: "figures" }, numbers.element, histogram.element, dials.element),
        text.element,
      ),
      tables(
        "What is kept, by class",
        "The bar is the share of a class that is kept, the tick that of all tokens.",
        groups,
      ),
      tables(
        "Who else would keep it",
        "The bar is the share of the tokens kept here that another selection keeps too, the tick " +
          "what two random ones have in common.",
        overlaps,
      ),
      make("div", { class: "quiet notes" }, ...view.notes.map((note) => make("p", {}, note))),
    );
  }

  function turn(next) {
    k = clamp(next, 0, ALL);
    for (const part of parts) part.show(k);
  }

  function rest() {
    clearTimeout(due);
    due = setTimeout(() => {
      if (k === sent) return;
      sent = k;
      send(k);
    }, REST);
  }

  /* The pointer on the histogram. */

  function grab(event) {
    if (event.button !== 0 || !histogram.plot.contains(event.target)) return;
    event.preventDefault(); // marks no text
    clearTimeout(due);
    histogram.handle.focus({ preventScroll: true });
    histogram.plot.setPointerCapture(event.pointerId);
    root.classList.add("dragged");
    const where = histogram.whereIs(event);
    grip = event.target === histogram.handle ? histogram.at(k) - where : 0;
    if (event.target !== histogram.handle) turn(histogram.ratio(where));
  }

  function drag(event) {
    if (grip !== null) turn(histogram.ratio(histogram.whereIs(event) + grip));
  }

  function drop() {
    if (grip === null) return;
    grip = null;
    root.classList.remove("dragged");
    rest();
  }

  /* Keys move the handle their own way: to the right fewer tokens are kept. */
  function press(event) {
    event.stopPropagation(); // Streamlit has keys of its own
    const step = STEPS[event.key];
    const way = event.target === histogram.handle ? -1 : event.target === dials.slider ? 1 : 0;
    if (step === undefined || way === 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    turn(k + way * step);
    rest();
  }

  /* A slider that is held has not come to rest; a number is typed one digit after the other. */
  function input({ target }) {
    const next = dials.read(target);
    if (next === null) return;
    clearTimeout(due);
    turn(next);
    if (target === dials.number) rest();
  }

  function change({ target }) {
    dials.write(k);
    if (target === dials.slider) rest();
  }

  root.addEventListener("pointerdown", grab);
  root.addEventListener("pointermove", drag);
  root.addEventListener("pointerup", drop);
  root.addEventListener("pointercancel", drop);
  root.addEventListener("keydown", press);
  root.addEventListener("input", input);
  root.addEventListener("change", change);

  function leave() {
    clearTimeout(due);
    root.remove();
  }

  return { show, leave, calls: 0 };
}

function tables(title, legend, list) {
  return make(
    "section",
    {},
    make("h4", {}, title),
    make("p", { class: "quiet" }, legend),
    make("div", { class: "tables" }, ...list.map((table) => table.element)),
  );
}

export default function filter_lab({ data, parentElement, setStateValue }) {
  if (!labs.has(parentElement)) labs.set(parentElement, filterLab(parentElement, data.state.k));
  const lab = labs.get(parentElement);
  lab.show(data.view, (k) => setStateValue("k", k));
  const call = (lab.calls += 1);
  return () => {
    if (lab.calls !== call) return; // called again since: Streamlit leaves what it has overtaken
    labs.delete(parentElement);
    lab.leave();
  };
}
