/* The metric by position: the whole text at a glance. Its height is the colours' scale. */

function positionLine({ onHover, onGo }) {
  const area = draw("path", { class: "area" });
  const path = draw("path", { class: "line" });
  const zero = draw("path", { class: "zero" });
  const lit = draw("path", { class: "lit" });
  const pointer = draw("path", { class: "pointer" });
  const plot = chart({ role: "img" }, area, zero, path, lit, pointer);
  const [high, low] = [make("span"), make("span")];
  const element = make(
    "div",
    { class: "position", title: "By position. A click goes to the token." },
    make("div", { class: "ends quiet" }, high, low),
    plot,
  );
  let model = null;

  function show(next) {
    model = next;
    const { scale, values, metric } = model;
    const heights = values.map((value) => clamp(place(scale, value), 0, 1));
    const floor = scale.diverging ? place(scale, 0) : 0;
    const line = steps(heights);
    path.setAttribute("d", line);
    area.setAttribute("d", filled(heights, floor));
    zero.setAttribute("d", scale.diverging ? `M0 ${(1 - floor) * HIGH}H${WIDE}` : "");
    high.textContent = written(scale.high);
    low.textContent = written(scale.low);
    plot.setAttribute("aria-label", `${metric.label} by position`);
    point(null);
    light(null);
  }

  const middle = (row) => (((row + 0.5) * WIDE) / model.reading.rows).toFixed(2);

  function point(row) {
    pointer.setAttribute("d", row === null ? "" : `M${middle(row)} 0V${HIGH}`);
  }

  function light(test) {
    const places = new Set();
    if (test) model.values.forEach((value, row) => test(value) && places.add(middle(row)));
    lit.setAttribute("d", Array.from(places, (x) => `M${x} ${HIGH}v-18`).join(""));
  }

  const rowAt = (event) => {
    const box = plot.getBoundingClientRect();
    const { rows } = model.reading;
    return clamp(Math.floor(((event.clientX - box.left) / box.width) * rows), 0, rows - 1);
  };
  plot.addEventListener("pointermove", (event) => onHover(rowAt(event), event.clientX));
  plot.addEventListener("pointerleave", () => onHover(null));
  plot.addEventListener("click", (event) => onGo(rowAt(event)));

  return { element, show, point, light, box: () => plot.getBoundingClientRect() };
}

/* The area between the steps and a floor, part by part. */
function filled(heights, floor) {
  const parts = Math.min(heights.length, WIDE);
  const y = (height) => ((1 - height) * HIGH).toFixed(1);
  let path = "";
  for (let part = 0; part < parts; part += 1) {
    const from = Math.floor((part * heights.length) / parts);
    const [, most] = range(heights, from, Math.floor(((part + 1) * heights.length) / parts));
    if (most === -Infinity) continue;
    const x = ((part * WIDE) / parts).toFixed(2);
    path += `M${x} ${y(floor)}V${y(most)}H${(((part + 1) * WIDE) / parts).toFixed(2)}V${y(floor)}Z`;
  }
  return path;
}
