/** The replay that a room watches: loaded when it changes, and moved from outside. */

/** @import { Reading } from "../replay/trace" */
/** @import { Shown } from "../schemas/told" */

import { replayPlayer } from "../replay/player.js";
import { readReplay } from "../replay/trace.js";
import { make } from "../shared/dom.js";

/**
 * @param {HTMLElement} parent
 * @param {URL} room
 * @param {object} hears
 * @param {(reading: Reading) => void} hears.loaded
 * @param {(step: number) => void} hears.moved by whoever looks
 */
export function watch(parent, room, { loaded, moved }) {
  const player = replayPlayer(parent);
  const fault = make("p", { role: "alert" });
  parent.append(fault);
  let shown = "";
  let step = 0;
  /** @type {Reading | null} */
  let reading = null;

  /** @param {Shown} wanted
   * @param {number} to
   */
  async function show(wanted, to) {
    step = to;
    const name = JSON.stringify(wanted);
    if (name === shown) return reading && player.go(step);
    shown = name;
    reading = null;
    const address = new URL("replay", room);
    address.search = String(
      new URLSearchParams({ draft: wanted.draft, number: String(wanted.number) }),
    );
    const answer = await fetch(address).catch(() => null);
    const view = answer && (await answer.json());
    if (shown !== name) return; // another one is wanted meanwhile
    fault.textContent = answer?.ok
      ? ""
      : (view?.error ?? "The replay did not come: reload the page.");
    if (!answer?.ok) return (shown = "");
    player.show({ view, state: { step, speed: 1, token: null, present: false } }, (_, state) => {
      moved(/** @type {{ step: number }} */ (state).step);
    });
    reading = readReplay(view);
    player.go(step);
    loaded(reading);
  }

  return { show, reading: () => reading };
}
