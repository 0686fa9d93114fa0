/** A Llama that reads on: tokens in, logits out, with a key-value cache.
 *
 * It knows nothing of text, and nothing of how tokens are drawn. Whoever reads says where in the
 * text the tokens stand; what was read from there on is forgotten by that alone. */

/** @import { Tensor } from "./safetensors.js" */
/** @import { Arithmetic } from "./arithmetic.js" */

import { START, openArithmetic, pack } from "./arithmetic.js";

/**
 * @typedef {object} Model
 * @property {number} vocabulary
 * @property {number} context the most positions
 * @property {Arithmetic["name"]} arithmetic
 * @property {(ids: number[], position: number) => Float32Array[]} read the logits after each of at
 *   most `PASS` tokens, which the next call overwrites
 * @property {(ids: number[], position: number) => void} remember as `read`, without logits
 */

/** The most tokens of one pass: a draft length is at most 64. */
export const PASS = 65;

const EMBEDDING = "model.embed_tokens";

/** @param {any} config the content of a `config.json`
 * @param {Map<string, Tensor>} tensors
 * @param {object} [options]
 * @param {number} [options.vocabulary] ids from here on have no logits
 * @param {boolean} [options.plainly] without SIMD
 * @returns {Model}
 * @throws {Error} it is no plain Llama, or weights are missing.
 */
export function openModel(config, tensors, { vocabulary = Infinity, plainly = false } = {}) {
  const shape = shapeOf(config);
  const { width, heads, sharing, dimension, feed, context } = shape;
  const [own, shared] = [heads * dimension, (heads / sharing) * dimension];
  const tokens = Math.min(vocabulary, shape.rows);
  const high = whole(tokens); // rows of logits, those after the last token unread

  let end = START;
  const room = (/** @type {number} */ count) => {
    const at = end;
    end += 4 * count;
    return at;
  };
  /** @type {((buffer: ArrayBuffer) => void)[]} */
  const loads = [];
  const vector = (/** @type {string} */ name, /** @type {number} */ size) => {
    const tensor = tensorOf(tensors, `${name}.weight`, [size]);
    const at = room(size);
    loads.push((buffer) => tensor.copy(new Float32Array(buffer, at, size)));
    return at;
  };
  /** @param {string} name @param {number} rows @param {number} columns */
  const matrix = (name, rows, columns) => {
    const tensor = tensorOf(tensors, `${name}.weight`, [rows, columns]);
    const size = whole(rows) * columns;
    const at = room(size);
    loads.push((buffer) => pack(numbersOf(tensor), columns, new Float32Array(buffer, at, size)));
    return at;
  };

  const embedding = numbersOf(tensorOf(tensors, `${EMBEDDING}.weight`, [shape.rows, width]));
  const head = matrix(shape.tied ? EMBEDDING : "lm_head", shape.rows, width);
  const layers = Array.from({ length: shape.layers }, (_, number) => {
    const name = `model.layers.${number}`;
    return {
      before: vector(`${name}.input_layernorm`, width),
      query: matrix(`${name}.self_attn.q_proj`, own, width),
      key: matrix(`${name}.self_attn.k_proj`, shared, width),
      value: matrix(`${name}.self_attn.v_proj`, shared, width),
      output: matrix(`${name}.self_attn.o_proj`, width, own),
      after: vector(`${name}.post_attention_layernorm`, width),
      gate: matrix(`${name}.mlp.gate_proj`, feed, width),
      up: matrix(`${name}.mlp.up_proj`, feed, width),
      down: matrix(`${name}.mlp.down_proj`, width, feed),
      keys: room(context * shared),
      values: room(context * shared),
    };
  });
  const last = vector("model.norm", width);
  const turns = room(context * dimension);
  const scores = room(whole(context));
  const [hidden, normed] = [room(PASS * width), room(PASS * width)];
  const [queries, attended] = [room(PASS * own), room(PASS * own)];
  const [gates, inner] = [room(PASS * feed), room(PASS * feed)];
  const logits = room(PASS * high);

  const { buffer, name, ...arithmetic } = openArithmetic(end, plainly);
  const { add, attend, gate, normalize, product, rotate } = arithmetic;
  for (const load of loads) load(buffer);
  new Float32Array(buffer, turns, context * dimension).set(turnsOf(shape));
  const laid = Array.from(
    { length: PASS },
    (_, token) => new Float32Array(buffer, logits + 4 * token * high, tokens),
  );
  const states = new Float32Array(buffer, hidden, PASS * width);

  /** Leaves the last hidden states in `hidden`.
   *
   * @param {number[]} ids
   * @param {number} position
   */
  function pass(ids, position) {
    const count = ids.length;
    const turn = turns + 4 * position * dimension;
    for (const [at, id] of ids.entries()) {
      states.set(embedding.subarray(id * width, (id + 1) * width), at * width);
    }
    for (const layer of layers) {
      const [key, value] = [layer.keys, layer.values].map((at) => at + 4 * position * shared);
      normalize(normed, hidden, layer.before, width, shape.epsilon, count);
      product(queries, layer.query, normed, own, width, count);
      product(key, layer.key, normed, shared, width, count);
      product(value, layer.value, normed, shared, width, count);
      rotate(queries, turn, heads, dimension, count);
      rotate(key, turn, heads / sharing, dimension, count);
      attend(
        attended,
        queries,
        layer.keys,
        layer.values,
        scores,
        heads,
        sharing,
        dimension,
        position,
        count,
      );
      product(normed, layer.output, attended, width, own, count);
      add(hidden, normed, count * width);
      normalize(normed, hidden, layer.after, width, shape.epsilon, count);
      product(gates, layer.gate, normed, feed, width, count);
      product(inner, layer.up, normed, feed, width, count);
      gate(inner, gates, count * feed);
      product(normed, layer.down, inner, width, feed, count);
      add(hidden, normed, count * width);
    }
  }

  return {
    vocabulary: tokens,
    context,
    arithmetic: name,
    remember: pass,
    read(ids, position) {
      pass(ids, position);
      normalize(normed, hidden, last, width, shape.epsilon, ids.length);
      product(logits, head, normed, high, width, ids.length);
      return laid.slice(0, ids.length);
    },
  };
}

/** The next multiple of 4.
 *
 * @param {number} count
 */
const whole = (count) => Math.ceil(count / 4) * 4;

/** @param {Tensor} tensor */
function numbersOf(tensor) {
  const numbers = new Float32Array(tensor.size);
  tensor.copy(numbers);
  return numbers;
}

/** What a config says of a model, in our words.
 *
 * @param {any} config
 */
function shapeOf(config) {
  const rope = config.rope_parameters ?? config.rope_scaling ?? {};
  const wanted = {
    model_type: [config.model_type, "llama"],
    hidden_act: [config.hidden_act, "silu"],
    rope_type: [rope.rope_type ?? rope.type ?? "default", "default"],
    attention_bias: [config.attention_bias ?? false, false],
    mlp_bias: [config.mlp_bias ?? false, false],
  };
  for (const [name, [value, only]] of Object.entries(wanted)) {
    if (value !== only) {
      throw new Error(
        `The browser runs Llama models with ${name} ${only}, and this one has ${value}: leave it to the server.`,
      );
    }
  }
  const heads = config.num_attention_heads;
  const dimension = config.head_dim ?? config.hidden_size / heads;
  for (const size of [config.hidden_size, dimension, config.intermediate_size]) {
    if (size % 4) {
      throw new Error(
        `The browser runs models whose sizes are multiples of 4, and this one has ${size}: leave it to the server.`,
      );
    }
  }
  return {
    rows: config.vocab_size,
    width: config.hidden_size,
    layers: config.num_hidden_layers,
    heads,
    sharing: heads / (config.num_key_value_heads ?? heads), // query heads of each key
    dimension,
    feed: config.intermediate_size,
    context: config.max_position_embeddings,
    epsilon: config.rms_norm_eps,
    theta: rope.rope_theta ?? config.rope_theta ?? 10_000,
    tied: config.tie_word_embeddings ?? false,
  };
}

/** @param {Map<string, Tensor>} tensors
 * @param {string} name
 * @param {number[]} size
 */
function tensorOf(tensors, name, size) {
  const tensor = tensors.get(name);
  if (!tensor) throw new Error(`The model's file lacks ${name}: load it again.`);
  if (String(tensor.shape) !== String(size)) {
    const [there, wanted] = [tensor.shape, size].map((numbers) => numbers.join(" × "));
    throw new Error(`${name} is ${there}, not ${wanted} as config.json says: load both again.`);
  }
  return tensor;
}

/** The rotary turns of every position, [context, dimension]: cosines, then sines. Rounded to float32
 * where torch does: far into a text, an angle's rounding is larger than any other error.
 *
 * @param {{ context: number, dimension: number, theta: number }} shape
 */
function turnsOf({ context, dimension, theta }) {
  const half = dimension / 2;
  const table = new Float32Array(context * dimension);
  for (let at = 0; at < half; at += 1) {
    const power = Math.fround(theta ** Math.fround((2 * at) / dimension));
    const frequency = Math.fround(1 / power);
    for (let position = 0; position < context; position += 1) {
      const angle = Math.fround(position * frequency);
      table[position * dimension + at] = Math.cos(angle);
      table[position * dimension + half + at] = Math.sin(angle);
    }
  }
  return table;
}
