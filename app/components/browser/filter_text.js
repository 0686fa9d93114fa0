/* The sample text: its kept tokens are outlined, the prompt is grey. */

function filterText({ text }) {
  const { id, response, entry, vocabulary, title } = text;
  const tokens = Array.from(id, (one, row) => {
    const piece = vocabulary[one];
    const token = make("span", { class: response[row] ? "token" : "token prompt" });
    spell(token, piece);
    if (piece.special) token.classList.add("special");
    return token;
  });
  const broken = tokens.flatMap((token, row) =>
    endsLine(vocabulary[id[row]]) ? [token, make("br")] : [token],
  );
  const count = make("p", { class: "quiet" });
  const element = make(
    "section",
    { class: "sample" },
    make("h4", {}, title),
    count,
    make("div", { class: "text", tabindex: "0", role: "region", "aria-label": title }, ...broken),
  );

  // In the order in which they come in as k grows, so that a step touches only what it changes.
  const order = [...entry.keys()]
    .filter((row) => entry[row] <= ALL)
    .sort((one, other) => entry[one] - entry[other]);
  let kept = 0;

  function show(k) {
    while (kept < order.length && entry[order[kept]] <= k) {
      tokens[order[kept]].classList.add("kept");
      kept += 1;
    }
    while (kept > 0 && entry[order[kept - 1]] > k) {
      kept -= 1;
      tokens[order[kept]].classList.remove("kept");
    }
    count.textContent = `${whole(kept)} of ${whole(order.length)} answer tokens are kept and outlined`;
  }

  return { element, show };
}
