/* Tables of shares at k: a bar from 0 to 100 %, a tick to hold it against, and the number. */

const CLASS_HELP = "Of this class, the share that is kept. The tick is the share kept of all tokens.";
const PART_HELP = "Of all that is kept, the share that belongs to this class.";
const WHOLE_HELP = "Of all tokens, the share that belongs to this class.";
const SHARED_HELP =
  "Of the tokens kept here, the share that the other selection keeps as well. The tick is what two " +
  "random selections would share: k.";

function groupTable(view, group) {
  const rows = group.rows.map((row) => {
    const [inside, part] = [meter(), make("td")];
    const show = (k) => {
      const kept = row.kept[k];
      inside.show(kept / row.tokens, view.kept[k] / view.tokens);
      inside.element.title = `${whole(kept)} of ${whole(row.tokens)} tokens of this class are kept`;
      part.textContent = percent(kept / view.kept[k]);
    };
    const cells = [inside.element, part, make("td", {}, percent(row.tokens / view.tokens))];
    return { ...row, cells, show };
  });
  const columns = [
    ["kept of class", CLASS_HELP],
    ["part of kept", PART_HELP],
    ["part of all", WHOLE_HELP],
  ];
  return shareTable(group, columns, rows);
}

function overlapTable(view, overlap) {
  const rows = overlap.rows.map((row) => {
    const both = meter();
    const show = (k) => {
      const [shared, kept] = [row.shared[k], view.kept[k]];
      const chance = kept / view.tokens;
      both.show(shared / kept, chance);
      both.element.title =
        `${whole(shared)} of ${whole(kept)} kept tokens are shared. Jaccard index ` +
        `${jaccard(shared, kept).toFixed(3)}, by chance ${(chance / (2 - chance)).toFixed(3)}.`;
    };
    return { ...row, cells: [both.element], show };
  });
  return shareTable(overlap, [["kept by both", SHARED_HELP]], rows);
}

function shareTable({ name, explanation }, columns, rows) {
  const head = columns.map(([title, help]) =>
    make("th", { scope: "col", title: help }, make("abbr", {}, title)),
  );
  const body = rows.map(({ label, explanation, cells }) =>
    make("tr", {}, make("th", { scope: "row", title: explanation ?? label }, label), ...cells),
  );
  const element = make(
    "table",
    { class: columns.length > 1 && "wide" },
    make("caption", { title: explanation }, make("abbr", {}, name)),
    make("thead", {}, make("tr", {}, make("td"), ...head)),
    make("tbody", {}, ...body),
  );
  return { element, show: (k) => rows.forEach((row) => row.show(k)) };
}

function meter() {
  const [fill, tick, number] = [make("i"), make("b"), make("span", { class: "number" })];
  const bar = make("span", { class: "meter" }, fill, tick);
  const element = make("td", {}, bar, number);
  function show(share, reference) {
    fill.style.transform = `scaleX(${share || 0})`;
    tick.style.left = `${(reference * 100 || 0).toFixed(2)}%`;
    number.textContent = percent(share);
  }
  return { element, show };
}
