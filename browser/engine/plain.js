/** The arithmetic of a Llama in plain JavaScript: the twin of `simd.ts`, and what takes its place in
 * a browser without SIMD. Sums are doubles, so that results differ in the last digits.
 *
 * @param {number} bytes of memory
 * @returns {import("./arithmetic.js").Arithmetic}
 */
export function plainArithmetic(bytes) {
  const whole = new Float32Array(bytes >> 2); // in each function a local: V8 reads that faster

  /**
   * @param {number} x
   * @param {number} y
   * @param {number} count
   */
  function dot(x, y, count) {
    const memory = whole;
    let total = 0;
    for (let at = 0; at < count; at += 1) total += memory[x + at] * memory[y + at];
    return total;
  }

  return {
    name: "plain",
    buffer: whole.buffer,

    product(out, weight, input, rows, columns, tokens) {
      const memory = whole;
      out >>= 2;
      input >>= 2;
      for (let token = 0; token < tokens; token += 1, input += columns) {
        let at = weight >> 2;
        for (const last = out + rows; out < last; out += 4) {
          let [a, b, c, d] = [0, 0, 0, 0];
          for (let column = input; column < input + columns; column += 4, at += 16) {
            const x = memory[column];
            const y = memory[column + 1];
            const z = memory[column + 2];
            const w = memory[column + 3];
            a += memory[at] * x + memory[at + 1] * y + memory[at + 2] * z + memory[at + 3] * w;
            b += memory[at + 4] * x + memory[at + 5] * y + memory[at + 6] * z + memory[at + 7] * w;
            c +=
              memory[at + 8] * x + memory[at + 9] * y + memory[at + 10] * z + memory[at + 11] * w;
            d +=
              memory[at + 12] * x + memory[at + 13] * y + memory[at + 14] * z + memory[at + 15] * w;
          }
          memory[out] = a;
          memory[out + 1] = b;
          memory[out + 2] = c;
          memory[out + 3] = d;
        }
      }
    },

    add(to, from, count) {
      const memory = whole;
      to >>= 2;
      from >>= 2;
      for (let at = 0; at < count; at += 1) memory[to + at] += memory[from + at];
    },

    normalize(out, input, weight, width, epsilon, tokens) {
      const memory = whole;
      out >>= 2;
      input >>= 2;
      weight >>= 2;
      for (let token = 0; token < tokens; token += 1, out += width, input += width) {
        const scale = 1 / Math.sqrt(dot(input, input, width) / width + epsilon);
        for (let at = 0; at < width; at += 1) {
          memory[out + at] = memory[weight + at] * memory[input + at] * scale;
        }
      }
    },

    rotate(states, turns, heads, dimension, tokens) {
      const memory = whole;
      states >>= 2;
      turns >>= 2;
      const half = dimension >> 1;
      for (let token = 0; token < tokens; token += 1, turns += dimension) {
        for (let head = 0; head < heads; head += 1, states += dimension) {
          for (let at = 0; at < half; at += 1) {
            const [cosine, sine] = [memory[turns + at], memory[turns + half + at]];
            const [low, high] = [memory[states + at], memory[states + half + at]];
            memory[states + at] = low * cosine - high * sine;
            memory[states + half + at] = high * cosine + low * sine;
          }
        }
      }
    },

    attend(out, queries, keys, values, scores, heads, sharing, dimension, position, tokens) {
      const memory = whole;
      out >>= 2;
      queries >>= 2;
      keys >>= 2;
      values >>= 2;
      scores >>= 2;
      const stride = (heads / sharing) * dimension;
      const scale = 1 / Math.sqrt(dimension);
      for (let token = 0; token < tokens; token += 1) {
        const seen = position + token + 1;
        for (let head = 0; head < heads; head += 1, queries += dimension, out += dimension) {
          const shared = Math.floor(head / sharing) * dimension;
          let most = -Infinity;
          for (let slot = 0; slot < seen; slot += 1) {
            const score = dot(queries, keys + shared + slot * stride, dimension) * scale;
            memory[scores + slot] = score;
            most = Math.max(most, score);
          }
          let all = 0;
          for (let slot = 0; slot < seen; slot += 1) {
            all += memory[scores + slot] = Math.exp(memory[scores + slot] - most);
          }
          for (let at = 0; at < dimension; at += 1) {
            let total = 0;
            let value = values + shared + at;
            for (let slot = 0; slot < seen; slot += 1, value += stride) {
              total += memory[scores + slot] * memory[value];
            }
            memory[out + at] = total / all;
          }
        }
      }
    },

    gate(states, gates, count) {
      const memory = whole;
      states >>= 2;
      gates >>= 2;
      for (let at = 0; at < count; at += 1) {
        const value = memory[gates + at];
        memory[states + at] = (memory[states + at] * value) / (1 + Math.exp(-value));
      }
    },
  };
}
