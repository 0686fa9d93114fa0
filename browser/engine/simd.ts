// The arithmetic of a Llama in WebAssembly with SIMD; `plain.js` is its twin, and says what each
// function does. AssemblyScript: `make browser` builds it into `dist/simd.js`.
//
// A matrix product is bound by memory: weights are read once, from front to back, however many tokens
// there are. A token's sums are made in the same order alone and beside others. Every pointer is in
// bytes, every size a multiple of 4.

/** The first byte that is free; `START` in `arithmetic.js` lies beyond it. */
export const free: usize = __heap_base;

/** The sum of each, in a lane of its own. */
function sums(x: v128, y: v128, z: v128, w: v128): v128 {
  const xy = f32x4.add(v128.shuffle<f32>(x, y, 0, 4, 1, 5), v128.shuffle<f32>(x, y, 2, 6, 3, 7));
  const zw = f32x4.add(v128.shuffle<f32>(z, w, 0, 4, 1, 5), v128.shuffle<f32>(z, w, 2, 6, 3, 7));
  return f32x4.add(v128.shuffle<f32>(xy, zw, 0, 1, 4, 5), v128.shuffle<f32>(xy, zw, 2, 3, 6, 7));
}

function dot(x: usize, y: usize, count: usize): f32 {
  let total = f32x4.splat(0);
  for (const end = x + (count << 2); x < end; x += 16, y += 16) {
    total = f32x4.add(total, f32x4.mul(v128.load(x), v128.load(y)));
  }
  const pairs = f32x4.add(total, v128.shuffle<f32>(total, total, 2, 3, 0, 1));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
}

export function product(
  out: usize,
  weight: usize,
  input: usize,
  rows: usize,
  columns: usize,
  tokens: usize,
): void {
  const wide = columns << 2;
  const high = rows << 2;
  for (const end = out + high; out < end; out += 16, weight += wide << 2) {
    let token: usize = 0;
    for (; token + 2 <= tokens; token += 2) {
      twoTokens(out + token * high, weight, input + token * wide, high, wide);
    }
    if (token < tokens) oneToken(out + token * high, weight, input + token * wide, wide);
  }
}

/** Four rows by two tokens: as many sums as there are registers for. */
function twoTokens(out: usize, weight: usize, input: usize, high: usize, wide: usize): void {
  let a = f32x4.splat(0);
  let b = f32x4.splat(0);
  let c = f32x4.splat(0);
  let d = f32x4.splat(0);
  let e = f32x4.splat(0);
  let f = f32x4.splat(0);
  let g = f32x4.splat(0);
  let h = f32x4.splat(0);
  for (const end = input + wide; input < end; input += 16, weight += 64) {
    const x = v128.load(input);
    const y = v128.load(input + wide);
    let row = v128.load(weight);
    a = f32x4.add(a, f32x4.mul(row, x));
    e = f32x4.add(e, f32x4.mul(row, y));
    row = v128.load(weight, 16);
    b = f32x4.add(b, f32x4.mul(row, x));
    f = f32x4.add(f, f32x4.mul(row, y));
    row = v128.load(weight, 32);
    c = f32x4.add(c, f32x4.mul(row, x));
    g = f32x4.add(g, f32x4.mul(row, y));
    row = v128.load(weight, 48);
    d = f32x4.add(d, f32x4.mul(row, x));
    h = f32x4.add(h, f32x4.mul(row, y));
  }
  v128.store(out, sums(a, b, c, d));
  v128.store(out + high, sums(e, f, g, h));
}

function oneToken(out: usize, weight: usize, input: usize, wide: usize): void {
  let a = f32x4.splat(0);
  let b = f32x4.splat(0);
  let c = f32x4.splat(0);
  let d = f32x4.splat(0);
  for (const end = input + wide; input < end; input += 16, weight += 64) {
    const x = v128.load(input);
    a = f32x4.add(a, f32x4.mul(v128.load(weight), x));
    b = f32x4.add(b, f32x4.mul(v128.load(weight, 16), x));
    c = f32x4.add(c, f32x4.mul(v128.load(weight, 32), x));
    d = f32x4.add(d, f32x4.mul(v128.load(weight, 48), x));
  }
  v128.store(out, sums(a, b, c, d));
}

export function add(to: usize, from: usize, count: usize): void {
  for (const end = to + (count << 2); to < end; to += 16, from += 16) {
    v128.store(to, f32x4.add(v128.load(to), v128.load(from)));
  }
}

export function normalize(
  out: usize,
  input: usize,
  weight: usize,
  width: usize,
  epsilon: f32,
  tokens: usize,
): void {
  const wide = width << 2;
  for (let token: usize = 0; token < tokens; token += 1) {
    const scale = f32x4.splat(1 / Mathf.sqrt(dot(input, input, width) / (width as f32) + epsilon));
    for (let at: usize = 0; at < wide; at += 16) {
      const scaled = f32x4.mul(v128.load(input + at), scale);
      v128.store(out + at, f32x4.mul(v128.load(weight + at), scaled));
    }
    out += wide;
    input += wide;
  }
}

export function rotate(
  states: usize,
  turns: usize,
  heads: usize,
  dimension: usize,
  tokens: usize,
): void {
  const half = (dimension >> 1) << 2;
  for (let token: usize = 0; token < tokens; token += 1) {
    for (let head: usize = 0; head < heads; head += 1) {
      for (let at: usize = 0; at < half; at += 4) {
        const cosine = load<f32>(turns + at);
        const sine = load<f32>(turns + half + at);
        const low = load<f32>(states + at);
        const high = load<f32>(states + half + at);
        store<f32>(states + at, low * cosine - high * sine);
        store<f32>(states + half + at, high * cosine + low * sine);
      }
      states += dimension << 2;
    }
    turns += dimension << 2;
  }
}

export function attend(
  out: usize,
  queries: usize,
  keys: usize,
  values: usize,
  scores: usize,
  heads: usize,
  sharing: usize,
  dimension: usize,
  position: usize,
  tokens: usize,
): void {
  const wide = dimension << 2;
  const stride = (heads / sharing) * wide;
  for (let token: usize = 0; token < tokens; token += 1) {
    const seen = position + token + 1;
    for (let head: usize = 0; head < heads; head += 1) {
      const shared = (head / sharing) * wide;
      compare(scores, queries, keys + shared, stride, wide, seen);
      const whole = exponentials(scores, seen);
      weigh(out, values + shared, scores, stride, wide, seen, 1 / whole);
      queries += wide;
      out += wide;
    }
  }
}

/** The scores of a query with so many keys. They are made by fours: what those after the last key
 * give, whatever lies there, is made to count for nothing. */
function compare(
  scores: usize,
  query: usize,
  keys: usize,
  stride: usize,
  wide: usize,
  seen: usize,
): void {
  const scale = f32x4.splat(1 / Mathf.sqrt((wide >> 2) as f32));
  const last = scores + (seen << 2);
  let score = scores;
  for (; score < last; score += 16, keys += stride << 2) {
    let a = f32x4.splat(0);
    let b = f32x4.splat(0);
    let c = f32x4.splat(0);
    let d = f32x4.splat(0);
    let key = keys;
    for (let at: usize = 0; at < wide; at += 16, key += 16) {
      const x = v128.load(query + at);
      a = f32x4.add(a, f32x4.mul(v128.load(key), x));
      b = f32x4.add(b, f32x4.mul(v128.load(key + stride), x));
      c = f32x4.add(c, f32x4.mul(v128.load(key + 2 * stride), x));
      d = f32x4.add(d, f32x4.mul(v128.load(key + 3 * stride), x));
    }
    v128.store(score, f32x4.mul(sums(a, b, c, d), scale));
  }
  for (let nothing = last; nothing < score; nothing += 4) store<f32>(nothing, -Infinity);
}

/** Replaces scores by exp(score - the largest); their sum. */
function exponentials(scores: usize, count: usize): f32 {
  const end = scores + (count << 2);
  let most = f32x4.splat(-Infinity);
  for (let at = scores; at < end; at += 16) most = f32x4.max(most, v128.load(at));
  most = f32x4.max(most, v128.shuffle<f32>(most, most, 2, 3, 0, 1));
  most = f32x4.max(most, v128.shuffle<f32>(most, most, 1, 0, 3, 2));
  let whole = f32x4.splat(0);
  for (let at = scores; at < end; at += 16) {
    const weights = exponential(f32x4.sub(v128.load(at), most));
    v128.store(at, weights);
    whole = f32x4.add(whole, weights);
  }
  return f32x4.extract_lane(sums(whole, whole, whole, whole), 0);
}

/** exp of each, to the last digit or two: Cephes' expf, 2 ** n * exp(rest) by a polynomial. */
function exponential(x: v128): v128 {
  x = f32x4.min(f32x4.max(x, f32x4.splat(-87)), f32x4.splat(87));
  const n = f32x4.nearest(f32x4.mul(x, f32x4.splat(1.44269504088896341)));
  x = f32x4.sub(x, f32x4.mul(n, f32x4.splat(0.693359375)));
  x = f32x4.add(x, f32x4.mul(n, f32x4.splat(2.1219444e-4)));
  let y = f32x4.splat(1.98756915e-4);
  y = f32x4.add(f32x4.mul(y, x), f32x4.splat(1.3981999507e-3));
  y = f32x4.add(f32x4.mul(y, x), f32x4.splat(8.3334519073e-3));
  y = f32x4.add(f32x4.mul(y, x), f32x4.splat(4.1665795894e-2));
  y = f32x4.add(f32x4.mul(y, x), f32x4.splat(1.6666665459e-1));
  y = f32x4.add(f32x4.mul(y, x), f32x4.splat(5.0000001201e-1));
  y = f32x4.add(f32x4.mul(f32x4.mul(y, x), x), f32x4.add(x, f32x4.splat(1)));
  const exponent = i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127));
  return f32x4.mul(y, i32x4.shl(exponent, 23));
}

/** The weighted sum of values, times a scale. */
function weigh(
  out: usize,
  values: usize,
  weights: usize,
  stride: usize,
  wide: usize,
  seen: usize,
  scale: f32,
): void {
  for (let at: usize = 0; at < wide; at += 16) v128.store(out + at, f32x4.splat(0));
  for (const end = weights + (seen << 2); weights < end; weights += 4, values += stride) {
    const weight = f32x4.splat(load<f32>(weights) * scale);
    for (let at: usize = 0; at < wide; at += 16) {
      const value = f32x4.mul(weight, v128.load(values + at));
      v128.store(out + at, f32x4.add(v128.load(out + at), value));
    }
  }
}

export function gate(states: usize, gates: usize, count: usize): void {
  const one = f32x4.splat(1);
  for (const end = states + (count << 2); states < end; states += 16, gates += 16) {
    const value = v128.load(gates);
    const share = f32x4.div(value, f32x4.add(one, exponential(f32x4.neg(value))));
    v128.store(states, f32x4.mul(v128.load(states), share));
  }
}
