/** @import { Call, Mounted } from "./types" */

/** A component as Streamlit calls it: mounted once for each place on the page, then shown new data
 * at every run of the script.
 *
 * @template Data
 * @param {(parent: HTMLElement, first: Data) => Mounted<Data>} mount
 */
export function component(mount) {
  /** @type {WeakMap<HTMLElement, { mounted: Mounted<Data>, calls: number }>} */
  const places = new WeakMap();

  /** @param {Call<Data>} call */
  return function call({ data, parentElement, setStateValue }) {
    let place = places.get(parentElement);
    if (!place) {
      place = { mounted: mount(parentElement, data), calls: 0 };
      places.set(parentElement, place);
    }
    const { mounted } = place;
    mounted.show(data, setStateValue);
    place.calls += 1;
    const { calls } = place;
    return () => {
      if (place.calls !== calls) return; // called again since: Streamlit leaves what it has overtaken
      places.delete(parentElement);
      mounted.leave();
    };
  };
}
