/** A page's side of the worker. */

/** @import { Answer, Asked, Results } from "./worker.js" */

/** @typedef {{ postMessage: (message: any, transfer: Transferable[]) => void,
 *   onmessage: ((event: MessageEvent<Answer>) => void) | null,
 *   onerror?: ((event: ErrorEvent) => void) | null }} Peer a `Worker` */

/** A request was stopped. */
export class Stopped extends Error {}

/** @param {Peer} worker */
export function connect(worker) {
  /** @type {Map<number, { resolve: (result: any) => void, reject: (error: Error) => void, onProgress: (done: any) => void }>} */
  const waiting = new Map();
  let next = 0;
  /** @type {Error | null} */
  let broken = null;

  worker.onerror = ({ message }) => {
    broken = new Error(`The engine does not run: ${message || "its script did not come"}.`);
    for (const { reject } of waiting.values()) reject(broken);
    waiting.clear();
  };
  worker.onmessage = ({ data }) => {
    const request = waiting.get(data.id);
    if (!request) return;
    if (data.what === "progress") return request.onProgress(data.done);
    waiting.delete(data.id);
    if (data.what === "done") request.resolve(data.result);
    else request.reject(data.what === "stopped" ? new Stopped() : new Error(data.message));
  };

  /** Ask for something; the weights of `open` go over to the worker and are gone here.
   *
   * @template {Asked} A
   * @param {A} asked
   * @param {{ signal?: AbortSignal, onProgress?: (done: any) => void }} [options] the signal stops
   *   it: then it fails with `Stopped`
   * @returns {Promise<Results[A["what"]]>}
   */
  return function ask(asked, { signal, onProgress = () => {} } = {}) {
    const id = next++;
    const weights =
      asked.what === "open" ? Object.values(asked.models).map((files) => files.weights) : [];
    return new Promise((resolve, reject) => {
      if (broken) return reject(broken);
      waiting.set(id, { resolve, reject, onProgress });
      worker.postMessage({ id, ...asked }, weights);
      const stop = () => worker.postMessage({ id, what: "stop" }, []);
      if (signal?.aborted) stop();
      else signal?.addEventListener("abort", stop, { once: true });
    });
  };
}
