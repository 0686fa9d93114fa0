/* What a filter view says at one k, and how it is written. k is whole thousandths everywhere.

   `view` is what app/components/filter_lab.py gives, its columns unpacked by `readFilter`. */

const ALL = 1000; // k = 1

function readFilter(view) {
  const curves = (name) => (list) => ({
    ...list,
    rows: list.rows.map((row) => ({ ...row, [name]: column(row[name]) })),
  });
  const { tokens, entry } = view.text;
  return {
    ...view,
    threshold: column(view.threshold),
    kept: column(view.kept),
    mass: column(view.mass),
    groups: view.groups.map(curves("kept")),
    overlaps: view.overlaps.map(curves("shared")),
    text: {
      ...view.text,
      id: column(tokens.id),
      response: column(tokens.response),
      entry: column(entry),
    },
  };
}

/* The largest k that keeps nothing below a value. Thresholds fall with k; NaN keeps nothing. */
function ratioAt(threshold, value) {
  let [low, high] = [0, ALL];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (threshold[middle] < value) high = middle - 1;
    else low = middle;
  }
  return low;
}

/* How alike two selections of `kept` tokens are that have `shared` in common. */
function jaccard(shared, kept) {
  return shared / (2 * kept - shared);
}

const GROUPED = new Intl.NumberFormat("en-US");

function whole(count) {
  return GROUPED.format(count);
}

function percent(share) {
  return Number.isFinite(share) ? `${(share * 100).toFixed(1)} %` : "–";
}

/* Three decimals, with no minus before a zero. */
function nats(value) {
  if (!Number.isFinite(value)) return "–";
  return value.toFixed(3).replace(/^-(?=0\.000$)/, "").replace("-", "−");
}
