/** Work that the viewer's browser does by itself: what it is doing, a way to stop it, what went wrong.
 *
 * The server says what is asked and where the models are. It hears of the answer only if the viewer
 * wants files of it, or if the models do not run here. */

/** @import { Opened } from "../engine/opening.js" */
/** @import { Decode, Read, Results, Try } from "../engine/worker.js" */
/** @import { Engine } from "./types" */

import { Stopped } from "../engine/client.js";
import { Unable, openEngine } from "../engine/opening.js";
import { make } from "./dom.js";
import { pageStands } from "./standing.js";

/**
 * @template {Decode | Read | Try} Request
 * @typedef {object} Question
 * @property {string} id of the view
 * @property {Engine} engine
 * @property {number} clicks how often it was asked for: what was stopped then begins anew
 * @property {Request} request
 * @property {number} total what the progress comes to
 */

/** What is heard while it works: how much is done, or what was found by now.
 *
 * @callback Hear
 * @param {any} progress
 * @returns {number} how much is done
 */

/**
 * @template {Decode | Read | Try} Request
 * @template Ready
 * @param {object} work
 * @param {string} work.verb of what was done: `Decoded`
 * @param {string} work.doing a sentence
 * @param {(opened: Opened, request: Request, tell: (text: string) => void) => Promise<Ready>} work.prepare
 *   once for the same models
 * @param {(result: Results[Request["what"]], ready: Ready) => void} work.show
 * @param {(stopped: boolean) => void} work.hide what is shown: it is not the answer any more
 * @param {(result: Results[Request["what"]]) => unknown} [work.kept] what the server makes files of;
 *   by default it makes none
 * @param {Hear} [work.hear]
 * @param {boolean} [work.again] whether what is asked for once more is done once more
 */
export function localWork({
  verb,
  doing,
  prepare,
  show,
  hide,
  kept,
  hear = (done) => done,
  again = false,
}) {
  const words = make("p", { class: "doing", role: "status" });
  const bar = make("progress", { max: 1, "aria-label": doing });
  const stop = make("button", { type: "button" }, "Stop");
  const files = make("button", { type: "button", title: "To download what is shown." }, "Files");
  const element = make("div", { class: "local" }, words, bar, stop, files);

  /** @type {Question<Request>} */
  let question;
  /** @type {(name: string, value: unknown) => void} */
  let report;
  let asked = "";
  let models = ""; // that are open, by their addresses
  /** @type {Promise<{ opened: Opened, ready: Ready }> | null} */
  let open = null;
  /** @type {AbortController | null} */
  let work = null;
  /** @type {{ answer: Results[Request["what"]], ready: Ready } | null} */
  let result = null;

  /** Answer, but what is being answered or was; that is shown again where the view is another.
   *
   * @param {Question<Request>} next
   * @param {typeof report} reporter
   */
  function ask(next, reporter) {
    const { id } = question ?? next;
    [question, report] = [next, reporter];
    const wanted = JSON.stringify([next.engine, next.request, again && next.clicks]);
    if (wanted === asked && result && id !== next.id) show(result.answer, result.ready); // among others
    if (wanted === asked && (work || result)) return;
    asked = wanted;
    void answer();
  }

  async function answer() {
    work?.abort();
    const own = new AbortController();
    work = own;
    result = null;
    const { request, total } = question;
    try {
      const { opened, ready } = await unlessStopped(there(), own.signal);
      const begun = performance.now();
      tell(doing, 0);
      const onProgress = (/** @type {unknown} */ progress) => {
        if (work === own) bar.value = hear(progress) / total;
      };
      const found = await opened.ask(request, { signal: own.signal, onProgress });
      if (work !== own) return;
      result = { answer: found, ready };
      const seconds = ((performance.now() - begun) / 1000).toFixed(2);
      tell(`${verb} in ${seconds} s, in this browser alone.`);
      show(found, ready);
    } catch (error) {
      if (work === own) fail(/** @type {Error} */ (error)); // else there is another question
    } finally {
      if (work === own) {
        work = null;
        busy(false);
      }
    }
  }

  /** The models of the question: the same as before while their addresses are. */
  function there() {
    const { engine, request } = question;
    if (!open || models !== JSON.stringify(engine)) {
      close();
      models = JSON.stringify(engine);
      tell("Fetching the models.");
      const say = (/** @type {string} */ text) => work && tell(text);
      open = openEngine(engine).then(async (opened) => ({
        opened,
        ready: await prepare(opened, request, say),
      }));
    }
    return open;
  }

  function close() {
    open?.then(({ opened }) => opened.end()).catch(() => {});
    open = null;
  }

  /** @param {Error} error */
  function fail(error) {
    const stopped = error instanceof Stopped;
    tell(stopped ? "Stopped. Asked for again, it begins anew." : error.message);
    words.classList.toggle("fault", !stopped);
    hide(stopped);
    if (!(error instanceof Unable)) return;
    open = null;
    const { id } = question.engine;
    void pageStands().then(() => {
      if (element.isConnected) report("fault", { of: id, why: error.message });
    });
  }

  /** @param {string} text
   * @param {number} [share] done, where that is known
   */
  function tell(text, share) {
    words.textContent = text;
    words.classList.remove("fault");
    if (share === undefined) bar.removeAttribute("value");
    else bar.value = share;
    busy(true);
  }

  /** @param {boolean} is */
  function busy(is) {
    bar.hidden = stop.hidden = !is;
    files.hidden = is || result === null || !kept;
  }

  stop.addEventListener("click", () => work?.abort());
  files.addEventListener("click", () => {
    if (result && kept) report("files", { of: question.id, content: kept(result.answer) });
  });

  function leave() {
    work?.abort();
    work = null;
    close();
    element.remove();
  }

  return { element, ask, leave };
}

/**
 * @template T
 * @param {Promise<T>} promise
 * @param {AbortSignal} signal
 * @returns {Promise<T>}
 */
function unlessStopped(promise, signal) {
  const stopped = new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new Stopped()), { once: true });
  });
  return Promise.race([promise, /** @type {Promise<never>} */ (stopped)]);
}
