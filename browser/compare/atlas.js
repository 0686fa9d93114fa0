/** Where acceptance is lost: a table of two properties of tokens. A cell opens its tokens, on the
 * Tokens page, or in the list of a report from disk. */

/** @import { AtlasCell, AtlasView, Mounted } from "../shared/types" */

import { component } from "../shared/component.js";
import { make } from "../shared/dom.js";

/** @type {Record<string, [down: number, right: number]>} */
const WAYS = {
  ArrowDown: [1, 0],
  ArrowUp: [-1, 0],
  ArrowRight: [0, 1],
  ArrowLeft: [0, -1],
  Home: [0, -1e9],
  End: [0, 1e9],
};
const HOW = "A cell opens its tokens. From cell to cell by the arrow keys; Enter opens.";

/** The table; one of its cells takes part in the tab order, the one that was last at.
 *
 * @param {AtlasView} view
 * @param {((cell: AtlasCell | null) => void) | null} onCell for a report from disk: what lists the
 *   tokens of the cell that is pressed; without it, cells are links
 */
export function atlasTable(view, onCell) {
  /** @type {Map<HTMLElement, AtlasCell>} */
  const cells = new Map();
  /** @type {HTMLElement | null} */
  let pressed = null;
  const told = make("p", { class: "quiet told" }, HOW);

  /** @param {AtlasCell} cell */
  function opener(cell) {
    const attributes = { "aria-label": cell.says, title: cell.says, tabindex: "-1" };
    const element = onCell
      ? make("button", { ...attributes, type: "button", "aria-pressed": "false" }, cell.text)
      : make("a", { ...attributes, href: cell.link, target: "_self" }, cell.text);
    element.classList.add(cell.sign);
    element.style.setProperty("--v", String(cell.shade));
    if (onCell)
      element.addEventListener("click", () => press(element === pressed ? null : element));
    element.addEventListener("focus", () => stopAt(element));
    element.addEventListener("pointerenter", () => (told.textContent = cell.says));
    cells.set(element, cell);
    return element;
  }

  /** @param {HTMLElement | null} element */
  function press(element) {
    mark(element);
    onCell?.(cells.get(/** @type {HTMLElement} */ (element)) ?? null);
  }

  /** @param {HTMLElement | null} element */
  function mark(element) {
    pressed?.setAttribute("aria-pressed", "false");
    element?.setAttribute("aria-pressed", "true");
    pressed = element;
  }

  /** @param {HTMLElement} element */
  function stopAt(element) {
    for (const each of cells.keys()) each.tabIndex = each === element ? 0 : -1;
    told.textContent = /** @type {AtlasCell} */ (cells.get(element)).says;
  }

  const rows = view.rows.map((name, row) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, name),
      ...view.columns.map((_, column) => {
        const cell = view.cells.find((each) => each.row === row && each.column === column);
        return make("td", {}, cell ? opener(cell) : null);
      }),
    ),
  );
  const heads = view.columns.map((name) => make("th", { scope: "col" }, name));
  const corner = make("td", {}, `${view.axes[0]} ↓`, make("br"), `${view.axes[1]} →`);
  const table = make(
    "table",
    { class: "heat", role: "grid", "aria-label": view.title },
    make("thead", {}, make("tr", {}, corner, ...heads)),
    make("tbody", {}, ...rows),
  );
  table.addEventListener("keydown", (event) => {
    const here = cells.get(/** @type {HTMLElement} */ (event.target));
    if (!here || !WAYS[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation(); // Streamlit has keys of its own
    const next = beside(view.cells, here, WAYS[event.key]);
    for (const [element, cell] of cells) if (cell === next) element.focus();
  });
  const [first] = cells.keys();
  if (first) first.tabIndex = 0;
  const element = make(
    "figure",
    { class: "atlas" },
    make("figcaption", {}, view.title),
    make("p", { class: "quiet" }, view.says),
    make("div", { class: "scroll" }, table),
    told,
  );
  return { element, clear: () => mark(null), lists: () => pressed !== null };
}

/** The nearest cell with tokens that way in its row or column; Home and End go as far as there are
 * cells. The cell itself, where there is none.
 *
 * @param {AtlasCell[]} cells
 * @param {AtlasCell} here
 * @param {[down: number, right: number]} way
 */
export function beside(cells, here, [down, right]) {
  /** @param {AtlasCell} cell */
  const ahead = (cell) =>
    down
      ? cell.column === here.column && Math.sign(cell.row - here.row) === Math.sign(down)
      : cell.row === here.row && Math.sign(cell.column - here.column) === Math.sign(right);
  /** @param {AtlasCell} cell */
  const far = (cell) => Math.abs(cell.row - here.row) + Math.abs(cell.column - here.column);
  const there = cells.filter(ahead).sort((a, b) => far(a) - far(b));
  return (Math.abs(down + right) > 1 ? there.at(-1) : there[0]) ?? here;
}

/**
 * @param {HTMLElement} parent
 * @returns {Mounted<{ view: AtlasView }>}
 */
function compareAtlas(parent) {
  const root = make("div", { class: "compare" });
  parent.append(root);
  /** @type {string | null} the view's id */
  let shown = null;
  return {
    show: ({ view }) => {
      if (view.id === shown) return;
      shown = view.id;
      root.replaceChildren(atlasTable(view, null).element);
    },
    leave: () => root.remove(),
  };
}

export default component(compareAtlas);
