/* A view as the server sent it, read: columns are decoded when they are first asked for. */

function read(view) {
  const done = new Map();
  const once = (name, work) => {
    if (!done.has(name)) done.set(name, work());
    return done.get(name);
  };
  const decoded = (name, packed) => once(name, () => packed && column(packed));
  const of = (name) => decoded(name, view.columns[name]);
  const ids = decoded("id", view.tokens.id);
  const response = decoded("response", view.tokens.response);

  const measure = (name, snapshot) => of(snapshot === undefined ? name : `${name}@${snapshot}`);

  /* The values of a metric, NaN on prompts. */
  const values = (metric, roles) => {
    const [of, minus] = [metric.of && roles[metric.of], metric.minus && roles[metric.minus]];
    return once(`${metric.column} of ${of} minus ${minus}`, () => {
      const from = measure(metric.column, of ?? undefined);
      const less = metric.minus ? measure(metric.column, minus) : undefined;
      return new Float32Array(from).map((value, row) =>
        response[row] ? value - (less ? less[row] : 0) : NaN,
      );
    });
  };

  const offers = (metric, roles) =>
    [metric.of, metric.minus].every(
      (role) =>
        !role ||
        (roles[role] !== undefined && `${metric.column}@${roles[role]}` in view.columns),
    ) && (metric.of || metric.column in view.columns);

  const entries = (pool, snapshot) =>
    of(`${pool === "batch" ? "entry_batch" : "entry"}@${snapshot}`);

  /* How many response tokens are kept at each k in thousandths. */
  const keptCounts = (pool, snapshot) =>
    once(`kept in ${pool} by ${snapshot}`, () => {
      const counts = new Uint32Array(1001);
      for (const entry of entries(pool, snapshot) ?? []) if (entry <= 1000) counts[entry] += 1;
      for (let k = 1; k <= 1000; k += 1) counts[k] += counts[k - 1];
      return counts;
    });

  /* The five likeliest tokens of a model, likeliest first; null where they are not known. */
  const guesses = (snapshot, row) => {
    const lists = view.top[snapshot];
    if (!lists) return null;
    const [id, p] = [decoded(`top id ${snapshot}`, lists.id), decoded(`top p ${snapshot}`, lists.p)];
    return [0, 1, 2, 3, 4]
      .map((rank) => ({ id: id[row * 5 + rank], p: p[row * 5 + rank] }))
      .filter((guess) => guess.p > 0);
  };

  return {
    ...view,
    ids,
    response,
    seq: decoded("seq", view.tokens.seq),
    responses: response.reduce((sum, one) => sum + one, 0),
    piece: (row) => word(view, ids[row]),
    word: (id) => word(view, id),
    whole: (row) => view.pieces?.[row],
    measure,
    values,
    offers,
    entries,
    keptCounts,
    guesses,
  };
}

/* A token that the vocabulary was not sent for is named by its number. */
function word(view, id) {
  return view.vocabulary[id] ?? { text: `#${id}` };
}

/* Where the text may be cut into blocks of about `size` tokens: at ends of lines, or else before a
   word, since a block begins on a line of its own; always where a sequence ends. */
function blocks(reading, size) {
  const found = [];
  let from = 0;
  for (let row = 1; row <= reading.rows; row += 1) {
    if (row === reading.rows || cuts(reading, from, row, size)) {
      found.push({ from, to: row });
      from = row;
    }
  }
  return found;
}

function cuts(reading, from, row, size) {
  if (reading.seq[row] !== reading.seq[row - 1]) return true;
  if (row - from < size) return false;
  if (endsLine(reading.piece(row - 1))) return true;
  if (row - from < 3 * size) return false;
  return row - from >= 5 * size || /^\s/.test(reading.piece(row).text ?? "");
}

/* Rows of the tokens in which the words sought lie, across tokens and whatever their case. */
function occurrences(reading, sought) {
  const found = [];
  if (!sought) return found;
  const needle = sought.toLowerCase();
  const starts = [];
  let text = "";
  for (let row = 0; row < reading.rows; row += 1) {
    starts.push(text.length);
    text += (reading.piece(row).text ?? "").toLowerCase();
  }
  starts.push(text.length);
  let row = 0;
  for (let at = text.indexOf(needle); at >= 0; at = text.indexOf(needle, at + needle.length)) {
    while (starts[row + 1] <= at) row += 1;
    const rows = [];
    for (let next = row; next < reading.rows && starts[next] < at + needle.length; next += 1) {
      if (starts[next + 1] > starts[next]) rows.push(next);
    }
    found.push(rows);
  }
  for (const [row, whole] of Object.entries(reading.pieces ?? {})) {
    if (whole.toLowerCase().includes(needle)) found.push([Number(row)]);
  }
  return found.sort((one, other) => one[0] - other[0]);
}
