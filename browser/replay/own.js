/** The viewer's own prompt, decoded in the viewer's browser and shown in the player. */

/** @import { Mounted, OwnPrompt, ReplayState } from "../shared/types" */
/** @import { Decode } from "../engine/worker.js" */

import { component } from "../shared/component.js";
import { make } from "../shared/dom.js";
import { localWork } from "../shared/local.js";
import { replayPlayer } from "./player.js";
import { verdict } from "./verdict.js";
import { viewOf } from "./view.js";

const LONGEST = 16; // draft length that is timed: the form's longest

/** @typedef {{ view: OwnPrompt, state: ReplayState }} Data */

/**
 * @param {HTMLElement} parent
 * @returns {Mounted<Data>}
 */
export function ownReplay(parent) {
  /** @type {Data} */
  let data;
  /** @type {(name: string, value: unknown) => void} */
  let report;

  const work = localWork({
    verb: "Decoded",
    doing: "Decoding: with the draft, and with the target alone before and after.",
    async prepare({ ask }, /** @type {Decode} */ { draft }, tell) {
      tell("Timing both models in this browser.");
      return ask({ what: "measure", draft, gamma: LONGEST });
    },
    show(decoded, costs) {
      root.classList.add("there");
      pays.replaceChildren(verdict(costs, decoded.trace) ?? "");
      const view = viewOf(decoded, data.view, costs);
      player.show({ view, state: data.state }, (name, value) => report(name, value));
    },
    hide: () => root.classList.remove("there"),
    kept: ({ trace }) => trace,
  });
  const pays = make("div", { class: "pays" });
  const root = make("section", { class: "own" }, work.element, pays);
  parent.append(root);
  const player = replayPlayer(root);

  /** @param {Data} next
   * @param {typeof report} reporter
   */
  function show(next, reporter) {
    [data, report] = [next, reporter];
    const { id, engine, clicks, draft, prompt, decoding, seed } = next.view;
    const request = { what: /** @type {const} */ ("decode"), draft, prompt, decoding, seed };
    const total = 3 * decoding.max_new_tokens;
    work.ask({ id, engine, clicks, request, total }, reporter);
  }

  function leave() {
    work.leave();
    player.leave();
    root.remove();
  }

  return { show, leave };
}

export default component(ownReplay);
