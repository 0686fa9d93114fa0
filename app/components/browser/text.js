/* The text: tokens in blocks, which are built when they come into view or when there is time, and
   dressed anew where they are seen when what they show has changed.

   It knows rows and elements, and nothing of controls. `model` is what heatmap.js makes. */

const BLOCK = 400; // tokens
const FIRST = 1200; // pixels of text that are built at once
const ascending = (one, other) => one - other;

function tokenText({ onHover, onPick }) {
  const scroller = make("div", {
    class: "text",
    role: "listbox",
    tabindex: "0",
    "aria-label": "Tokens",
  });
  const mould = make("span", { class: "token", role: "option" });
  let model = null;
  let parts = [];
  let tokens = [];
  let found = new Set();
  let lit = () => false;
  let current = null;
  let dress = 0; // counts the changes of what tokens show
  let busy = false;

  const seen = new IntersectionObserver(
    (changes) => {
      for (const { target, isIntersecting } of changes) {
        target.holds.near = isIntersecting;
        if (isIntersecting) tend(target.holds);
      }
      whenIdle();
    },
    { root: scroller, rootMargin: "400px 0px" },
  );

  function show(next) {
    model = next;
    found = new Set();
    lit = () => false;
    current = null;
    tokens = new Array(model.reading.rows);
    seen.disconnect();
    parts = blocks(model.reading, BLOCK).map(emptyPart);
    scroller.replaceChildren(...parts.map((part) => part.element));
    scroller.scrollTop = 0;
    look();
    let height = 0;
    for (const part of parts) {
      if (height > FIRST) break;
      tend(part);
      height += part.height;
    }
    parts.forEach((part) => seen.observe(part.element));
    whenIdle();
  }

  /* Until it is built, a block is as high as its text will be, more or less. */
  function emptyPart({ from, to }) {
    let characters = 0;
    for (let row = from; row < to; row += 1) {
      const { text, bytes } = model.reading.piece(row);
      characters += text?.length ?? bytes.length;
    }
    const across = Math.max(20, (scroller.clientWidth || 1000) / 10);
    const height = Math.ceil(characters / across) * 34;
    const element = make("div", {
      class: "block",
      role: "presentation",
      style: `min-height:${height}px;contain-intrinsic-size:auto ${height}px`,
    });
    const { seq } = model.reading;
    if (from > 0 && seq[from] !== seq[from - 1]) element.classList.add("begins");
    const part = { from, to, element, height, built: false, near: false, dress: -1, k: -1 };
    element.holds = part;
    return part;
  }

  function build(part) {
    const nodes = [];
    for (let row = part.from; row < part.to; row += 1) {
      const token = mould.cloneNode(false);
      const piece = model.reading.piece(row);
      spell(token, piece);
      token.row = row;
      if (!model.reading.response[row]) token.classList.add("prompt");
      if (piece.special) token.classList.add("special");
      if (found.has(row)) token.classList.add("found");
      tokens[row] = token;
      nodes.push(token);
      if (endsLine(piece)) nodes.push(document.createElement("br"));
    }
    part.element.style.minHeight = "";
    part.element.append(...nodes);
    part.built = true;
  }

  /* Bring a block up to date. */
  function tend(part) {
    if (!part.built) build(part);
    if (part.dress !== dress) {
      for (let row = part.from; row < part.to; row += 1) wear(tokens[row], row);
      part.dress = dress;
    }
    outline(part);
  }

  function wear(token, row) {
    const { scale, values, triple } = model;
    const height = level(scale, values[row]);
    let style = Number.isNaN(height) ? "" : `--v:${Math.abs(height).toFixed(3)}`;
    if (triple && model.reading.response[row]) {
      triple.columns.forEach((column, bar) => {
        if (column) style += `;--v${bar}:${level(triple.scale, column[row]).toFixed(3)}`;
      });
    }
    token.style.cssText = style;
    token.classList.toggle("scored", style !== "");
    token.classList.toggle("minus", height < 0);
    token.classList.toggle("lit", lit(row));
  }

  /* Tokens kept at k: only those change that enter or leave between the last k and this one. */
  function outline(part) {
    const { entries } = model;
    const k = keptAt();
    if (outlined(part)) return;
    const [low, high] = part.entries === entries ? [part.k, k].sort(ascending) : [-1, 1000];
    for (let row = part.from; row < part.to; row += 1) {
      const entry = entries ? entries[row] : Infinity;
      if (low < entry && entry <= high) tokens[row].classList.toggle("kept", entry <= k);
      else if (part.entries !== entries) tokens[row].classList.remove("kept");
    }
    part.k = k;
    part.entries = entries;
  }

  function refresh() {
    for (const part of parts) if (part.near) tend(part);
    whenIdle();
  }

  function whenIdle() {
    if (busy) return;
    const stale = (part) => !part.built || part.dress !== dress || !outlined(part);
    const work = (time) => {
      busy = false;
      if (!scroller.isConnected) return;
      for (const part of parts.filter(stale)) {
        tend(part); // one at least, or a busy browser would never be done
        if (time.timeRemaining() < 3) break;
      }
      if (parts.some(stale)) whenIdle();
      else scroller.dataset.complete = parts.length;
    };
    if (!parts.some(stale)) return;
    delete scroller.dataset.complete;
    busy = true;
    idle(work, { timeout: 200 });
  }

  const keptAt = () => (model.entries ? model.state.k : -1);
  const outlined = (part) => part.k === keptAt() && part.entries === model.entries;

  /* What is the same for all tokens is said once, at their root. */
  function look() {
    const { state, triple } = model;
    const list = scroller.classList;
    for (const choice of ["metric", "triple", "none"]) {
      list.toggle(`under-${choice}`, state.underline === choice);
    }
    list.toggle("compact", state.density === "compact");
    list.toggle("unwrapped", !state.wrap);
    list.toggle("promptless", !state.prompt);
    list.toggle("outlined", state.outline);
    triple?.colours.forEach((colour, bar) => scroller.style.setProperty(`--c${bar}`, colour));
  }

  /* Another metric, scale, checkpoint or underline. */
  function redress(next) {
    model = next;
    dress += 1;
    look();
    refresh();
  }

  /* Another k or pool: nothing but outlines; or another toggle. */
  function adjust(next) {
    model = next;
    look();
    refresh();
  }

  function light(test) {
    lit = test;
    dress += 1;
    refresh();
  }

  function find(rows) {
    for (const row of found) tokens[row]?.classList.remove("found");
    found = new Set(rows);
    for (const row of found) tokens[row]?.classList.add("found");
  }

  const partOf = (row) => parts.find(({ from, to }) => from <= row && row < to);

  function mark(token, on) {
    token.classList.toggle("current", on);
    token.parentElement.classList.toggle("open", on); // else its place would be an estimate
    if (on) token.id = "current-token";
    else token.removeAttribute("id");
    if (on) token.setAttribute("aria-selected", "true");
    else token.removeAttribute("aria-selected");
  }

  function choose(row, where = "nearest") {
    if (current !== null && tokens[current]) mark(tokens[current], false);
    current = row;
    if (row === null) return scroller.removeAttribute("aria-activedescendant");
    const part = partOf(row);
    tend(part);
    mark(tokens[row], true);
    scroller.setAttribute("aria-activedescendant", "current-token");
    return reveal(tokens[row], where);
  }

  /* Scrolls the text and never the page. */
  function reveal(token, where) {
    const [box, view] = [token.getBoundingClientRect(), scroller.getBoundingClientRect()];
    const outside = box.top < view.top + 4 || box.bottom > view.bottom - 4;
    if (outside && where === "nearest") {
      const up = box.top < view.top + 4;
      scroller.scrollTop += up ? box.top - view.top - 24 : box.bottom - view.bottom + 24;
    } else if (outside) {
      scroller.scrollTop += box.top - view.top - view.height / 3;
    }
    const aside = box.left < view.left || box.right > view.right;
    if (aside) scroller.scrollLeft += box.left - view.left - view.width / 3;
  }

  const shown = (row) => model.state.prompt || model.reading.response[row] === 1;

  /* The next token that is shown, forward or backward. */
  function beside(row, way) {
    for (let next = row + way; next >= 0 && next < model.reading.rows; next += way) {
      if (shown(next)) return next;
    }
    return null;
  }

  function box(row) {
    tend(partOf(row));
    return tokens[row].getClientRects()[0] ?? tokens[row].getBoundingClientRect();
  }

  /* The token above or below: of the nearest other line, the one whose middle is closest. */
  function across(row, way) {
    const here = box(row);
    const middle = here.left + here.width / 2;
    const far = (rect) => Math.abs(rect.left + rect.width / 2 - middle);
    let best = null;
    let line = null;
    for (let next = beside(row, way); next !== null; next = beside(next, way)) {
      const rect = box(next);
      if (Math.abs(rect.top - here.top) < here.height / 2) continue;
      line ??= rect.top;
      if (Math.abs(rect.top - line) > here.height / 2) break;
      if (best === null || far(rect) < far(box(best))) best = next;
    }
    return best;
  }

  const rowUnder = (event) => event.target.closest(".token")?.row ?? null;
  scroller.addEventListener("pointerover", (event) => onHover(rowUnder(event)));
  scroller.addEventListener("pointerleave", () => onHover(null));
  scroller.addEventListener("click", (event) => {
    const row = rowUnder(event);
    if (row !== null) onPick(row);
  });

  return {
    element: scroller,
    show,
    redress,
    adjust,
    light,
    find,
    choose,
    beside,
    across,
    box,
    tend: () => parts.forEach(tend),
    token: (row) => tokens[row],
    leave: () => seen.disconnect(),
  };
}
