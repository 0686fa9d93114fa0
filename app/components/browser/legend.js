/* The legend: the colours' scale below the histogram of the whole corpus, with this text's tokens
   as a line over it, and the two limits, which can be dragged and typed. */

const FINE = 1000; // places of a handle

function legend({ onLimits, onPart }) {
  const corpus = draw("path", { class: "corpus" });
  const here = draw("path", { class: "line" });
  const pointer = draw("path", { class: "pointer" });
  const plot = chart({ "aria-hidden": "true" }, corpus, here, pointer);
  const ramp = make("div", { class: "ramp" });
  const handles = ["low", "high"].map((end) =>
    make("input", { type: "range", min: 0, max: FINE, "aria-label": `${end} limit of the colours` }),
  );
  const fields = ["low", "high"].map((end) =>
    make("input", { type: "number", step: "any", "aria-label": `${end} limit of the colours` }),
  );
  const reset = make("button", { type: "button" }, "reset");
  const told = make("span", { class: "quiet" });
  const element = make(
    "div",
    { class: "legend", role: "group", "aria-label": "Colour scale" },
    make("div", { class: "plot" }, plot, ramp, ...handles),
    make("div", { class: "limits" }, fields[0], told, reset, fields[1]),
  );
  let model = null;
  let domain = null;
  let counts = { corpus: null, here: [] };

  function show(next) {
    model = next;
    const known = model.reading.corpus[model.metric.name];
    const { log, diverging } = model.scale;
    domain = { ...(known ?? model.metric), log, diverging };
    counts = {
      corpus: known?.counts ?? [],
      here: histogram(domain, model.values, known?.counts.length ?? 64),
    };
    corpus.setAttribute("d", bars(counts.corpus));
    here.setAttribute("d", steps(roots(counts.here)));
    element.title = beyond(known);
    limits();
    point(null);
  }

  const beyond = (known) =>
    "Bars: the whole corpus. Line: this text. Heights are square roots of shares." +
    (known?.below || known?.above
      ? ` Of the corpus, ${known.below} tokens lie below and ${known.above} above.`
      : "");

  function limits() {
    const { scale, metric } = model;
    const ends = [scale.low, scale.high];
    ends.forEach((value, end) => {
      const where = clamp(place(domain, value), 0, 1);
      handles[end].value = Math.round(where * FINE);
      handles[end].setAttribute("aria-valuetext", written(value));
      fields[end].value = Number(value.toPrecision(4));
      ramp.style.setProperty(`--${end ? "high" : "low"}`, `${where * 100}%`);
    });
    ramp.style.setProperty("--zero", `${clamp(place(domain, 0), 0, 1) * 100}%`);
    ramp.classList.toggle("diverging", metric.diverging);
    reset.hidden = scale.low === metric.low && scale.high === metric.high;
    tell(null);
  }

  function tell(text) {
    told.textContent = text ?? [model.metric.label, model.metric.unit].filter(Boolean).join(", ");
  }

  function ask(low, high) {
    const asked = { ...model.scale, low, high };
    if (valid(asked)) onLimits([low, high]);
    else limits();
  }

  /* A handle stands for its end of the scale, unless the other end lies beyond what is drawn. */
  handles.forEach((handle, end) =>
    handle.addEventListener("input", () => {
      const value = Number(valueAt(domain, handle.value / FINE).toPrecision(3));
      ask(end ? model.scale.low : value, end ? value : model.scale.high);
    }),
  );
  fields.forEach((field) =>
    field.addEventListener("change", () => ask(Number(fields[0].value), Number(fields[1].value))),
  );
  reset.addEventListener("click", () => onLimits(null));

  /* Where the value of a token lies. */
  function point(value) {
    const where = value === null ? NaN : place(domain, value);
    const x = (clamp(where, 0, 1) * WIDE).toFixed(1);
    pointer.setAttribute("d", Number.isNaN(where) ? "" : `M${x} 0V${HIGH}`);
  }

  plot.addEventListener("pointermove", (event) => {
    const box = plot.getBoundingClientRect();
    const size = counts.here.length;
    const part = clamp(Math.floor(((event.clientX - box.left) / box.width) * size), 0, size - 1);
    const [low, high] = [valueAt(domain, part / size), valueAt(domain, (part + 1) / size)];
    const whole = counts.corpus.length ? `, ${counts.corpus[part]} in the corpus` : "";
    tell(`${written(low)} to ${written(high)}: ${counts.here[part]} here${whole}`);
    onPart((value) => low <= value && (value < high || (part === size - 1 && value === high)));
  });
  plot.addEventListener("pointerleave", () => {
    tell(null);
    onPart(null);
  });

  return { element, show, limits: (next) => ((model = next), limits()), point };
}
