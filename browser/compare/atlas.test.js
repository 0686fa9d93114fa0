import assert from "node:assert/strict";
import { test } from "node:test";
import { openPage } from "../shared/testing.js";
import { atlasTable, beside } from "./atlas.js";

/** @import { AtlasCell, AtlasView } from "../shared/types" */

/** Row 1 has no cell in its middle, and column 2 none in its first row.
 *
 * @type {[row: number, column: number][]}
 */
const PLACES = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 2],
  [2, 0],
  [2, 1],
  [2, 2],
];
/** @type {AtlasCell[]} */
const CELLS = PLACES.map(([row, column]) => ({
  row,
  column,
  text: `${row}.${column}`,
  shade: 0.5,
  sign: "behind",
  says: `<b>${row}, ${column}`,
  link: `tokens?cell=${row}.${column}`,
}));
/** @type {AtlasView} */
const VIEW = {
  id: "1",
  title: "Where it is lost",
  says: "together 1",
  drafts: ["adaspec"],
  axes: ["class", "entropy"],
  rows: ["a", "b", "c"],
  columns: ["x", "y", "z"],
  cells: CELLS,
  lies: /** @type {any} */ ([]),
};

test("a key goes to the nearest cell that way, over empty ones, and stays where there is none", () => {
  const to = (/** @type {number} */ at, /** @type {[number, number]} */ way) =>
    CELLS.indexOf(beside(CELLS, CELLS[at], way));
  assert.equal(to(0, [0, 1]), 1);
  assert.equal(to(2, [0, 1]), 3);
  assert.equal(to(1, [1, 0]), 5);
  assert.equal(to(5, [-1, 0]), 1);
  assert.equal(to(0, [-1, 0]), 0);
  assert.equal(to(6, [0, 1]), 6);
  assert.equal(to(6, [0, -1e9]), 4);
  assert.equal(to(4, [0, 1e9]), 6);
  assert.equal(to(6, [0, 1e9]), 6);
});

test("on a page cells are links, one of them in the tab order; in a report they list", () => {
  openPage();
  const page = atlasTable(VIEW, null).element;
  document.body.append(page);
  const links = [...page.querySelectorAll("a")];
  assert.deepEqual(
    links.map((one) => one.getAttribute("href")),
    CELLS.map((cell) => cell.link),
  );
  assert.deepEqual(
    links.map((one) => one.tabIndex),
    [0, -1, -1, -1, -1, -1, -1],
  );
  links[0].focus();
  const pressed = new window.KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true });
  links[0].dispatchEvent(pressed);
  assert.equal(document.activeElement, links[1]);
  assert.equal(links[1].tabIndex, 0);
  assert.equal(links[0].tabIndex, -1);
  assert.equal(page.querySelector(".told")?.textContent, "<b>0, 1");

  /** @type {(string | undefined)[]} */
  const listed = [];
  const report = atlasTable(VIEW, (cell) => listed.push(cell?.text));
  const [button] = report.element.querySelectorAll("button");
  button.click();
  assert.ok(report.lists());
  button.click();
  assert.deepEqual(listed, ["0.0", undefined]);
  assert.ok(!report.lists());
});
