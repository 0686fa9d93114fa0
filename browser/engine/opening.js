/** Some of a run's models, fetched from the server and opened in a worker of its own. */

/** @import { Engine } from "../shared/types" */

import { connect } from "./client.js";

/** @typedef {Awaited<ReturnType<typeof openEngine>>} Opened */

/** It cannot run here: whoever asked does without it. */
export class Unable extends Error {}

/** @param {Engine} engine
 * @throws {Unable} the browser is too old, a file does not come, or the models are of another kind.
 */
export async function openEngine(engine) {
  if (!globalThis.Worker || !Array.prototype.toSorted) {
    throw new Unable("This browser is too old to run the models by itself.");
  }
  const worker = new Worker(new URL(engine.worker, location.href));
  const ask = connect(worker);
  const end = () => worker.terminate();
  try {
    const names = Object.keys(engine.models);
    const [tokenizer, ...all] = await Promise.all([
      json(engine.tokenizer),
      ...names.map((name) => files(engine.models[name])),
    ]);
    const models = Object.fromEntries(names.map((name, at) => [name, all[at]]));
    const { vocabulary, eos } = engine;
    await ask({ what: "open", models, tokenizer, vocabulary, eos });
  } catch (error) {
    end();
    throw new Unable(/** @type {Error} */ (error).message);
  }
  return { ask, end };
}

/** @param {Engine["models"][string]} addresses */
async function files({ config, weights }) {
  const [content, file] = await Promise.all([json(config), answer(weights)]);
  return { config: content, weights: await file.arrayBuffer() };
}

/** @param {string} address */
const json = async (address) => (await answer(address)).json();

/** @param {string} address relative to the page's */
async function answer(address) {
  const response = await fetch(new URL(address, location.href)).catch(() => null);
  if (response?.ok) return response;
  throw new Error("The models did not come from the server.");
}
