/** Small models with random weights, and the tokenizer of the bundled ones. */

import { readFileSync } from "node:fs";
import { openModel } from "./model.js";

export const TOKENIZER = JSON.parse(
  readFileSync(`${import.meta.dirname}/../../assets/tiny/target/tokenizer.json`, "utf8"),
);

export const CONFIG = {
  model_type: "llama",
  vocab_size: 30,
  hidden_size: 16,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 4,
  intermediate_size: 20,
  max_position_embeddings: 100,
  rms_norm_eps: 1e-6,
  hidden_act: "silu",
  tie_word_embeddings: true,
};

/** Numbers that look random, and are the same every time.
 *
 * @param {number} count
 * @param {number} seed
 */
export function noise(count, seed) {
  return Float32Array.from({ length: count }, (_, at) => {
    const mixed = Math.sin((at + 1) * 12.9898 + seed * 78.233) * 43758.5453;
    return 2 * (mixed - Math.floor(mixed)) - 1;
  });
}

/** A file of float32 weights.
 *
 * @param {Record<string, { shape: number[], values: Float32Array }>} tensors
 */
export function safetensors(tensors) {
  let end = 0;
  const header = Object.fromEntries(
    Object.entries(tensors).map(([name, { shape, values }]) => {
      const data_offsets = [end, (end += values.byteLength)];
      return [name, { dtype: "F32", shape, data_offsets }];
    }),
  );
  return written(
    header,
    Buffer.concat(Object.values(tensors).map(({ values }) => bytesOf(values))),
  );
}

/** @param {Record<string, object>} header
 * @param {Uint8Array} data
 */
export function written(header, data) {
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return new Uint8Array(Buffer.concat([length, text, data])).buffer;
}

/** @param {ArrayBufferView} array */
const bytesOf = (array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

/** The weights of a model of `CONFIG`, or of one changed, sharp enough to be sure of something.
 *
 * @param {number} seed
 * @param {Partial<typeof CONFIG>} [changed]
 */
export function weights(seed, changed = {}) {
  const config = { ...CONFIG, ...changed };
  const [width, feed, rows] = [config.hidden_size, config.intermediate_size, config.vocab_size];
  const own = config.num_attention_heads * config.head_dim;
  const shared = config.num_key_value_heads * config.head_dim;
  /** @type {Record<string, number[]>} */
  const shapes = { "model.embed_tokens": [rows, width], "model.norm": [width] };
  for (let layer = 0; layer < config.num_hidden_layers; layer += 1) {
    const name = `model.layers.${layer}`;
    Object.assign(shapes, {
      [`${name}.input_layernorm`]: [width],
      [`${name}.self_attn.q_proj`]: [own, width],
      [`${name}.self_attn.k_proj`]: [shared, width],
      [`${name}.self_attn.v_proj`]: [shared, width],
      [`${name}.self_attn.o_proj`]: [width, own],
      [`${name}.post_attention_layernorm`]: [width],
      [`${name}.mlp.gate_proj`]: [feed, width],
      [`${name}.mlp.up_proj`]: [feed, width],
      [`${name}.mlp.down_proj`]: [width, feed],
    });
  }
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape], at) => {
      const values = noise(
        shape.reduce((a, b) => a * b),
        seed + at,
      );
      return [`${name}.weight`, { shape, values }];
    }),
  );
}

/** @param {number} seed
 * @param {{ vocabulary?: number, plainly?: boolean }} [options]
 */
export function model(seed, options) {
  const tensors = Object.entries(weights(seed)).map(
    ([name, { shape, values }]) =>
      /** @type {[string, import("./safetensors.js").Tensor]} */ ([
        name,
        { shape, size: values.length, copy: (to) => to.set(values) },
      ]),
  );
  return openModel(CONFIG, new Map(tensors), options);
}
