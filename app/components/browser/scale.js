/* Scales: where a value lies between the limits of its metric, and how it is written. */

function scaleOf(metric, limits) {
  const [low, high] = limits ?? [metric.low, metric.high];
  return { low, high, log: metric.scale === "log", diverging: metric.diverging };
}

/* 0 at the low limit, 1 at the high one; not clamped. */
function place({ low, high, log }, value) {
  return log
    ? Math.log(value / low) / Math.log(high / low)
    : (value - low) / (high - low);
}

function valueAt({ low, high, log }, where) {
  return log ? low * (high / low) ** where : low + (high - low) * where;
}

/* What is drawn: 0 to 1, or -1 to 1 around 0 where the metric diverges. NaN stays NaN. */
function level(scale, value) {
  if (scale.diverging) return clamp(value < 0 ? value / -scale.low : value / scale.high, -1, 1);
  return clamp(place(scale, value), 0, 1);
}

function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

function valid({ low, high, log, diverging }) {
  if (!Number.isFinite(low) || !Number.isFinite(high)) return false;
  return low < high && (!log || low > 0) && (!diverging || (low < 0 && high > 0));
}

/* How many values lie in each of `size` equal parts of the scale. */
function histogram(scale, values, size) {
  const counts = new Float64Array(size);
  for (const value of values) {
    const part = Math.floor(place(scale, value) * size);
    if (part >= 0 && part < size) counts[part] += 1;
    else if (value === scale.high) counts[size - 1] += 1;
  }
  return counts;
}

function written(value) {
  if (value === undefined || Number.isNaN(value)) return "–";
  if (Number.isInteger(value)) return String(value).replace("-", "−");
  const size = Math.abs(value);
  const text = size < 0.001 ? value.toExponential(1) : value.toFixed(size < 100 ? 3 : 0);
  return text.replaceAll("-", "−");
}

/* k and entries are whole thousandths. */
function thousandths(count) {
  return `${Math.floor(count / 1000)}.${String(count % 1000).padStart(3, "0")}`;
}
