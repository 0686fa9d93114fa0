/** @import { Call, Mounted } from "./types" */

import { openTitles } from "./term.js";

/** A component as Streamlit calls it: mounted once for each place on the page, then shown new data
 * at every run of the script.
 *
 * @template Data
 * @param {(parent: HTMLElement, first: Data) => Mounted<Data>} mount
 */
export function component(mount) {
  /** @type {WeakMap<HTMLElement, { mounted: Mounted<Data>, ignoreTitles: () => void, calls: number }>} */
  const instances = new WeakMap();

  /** @param {Call<Data>} call */
  return function call({ data, parentElement, setStateValue }) {
    let instance = instances.get(parentElement);
    if (!instance) {
      const mounted = mount(parentElement, data);
      instance = { mounted, ignoreTitles: openTitles(parentElement), calls: 0 };
      instances.set(parentElement, instance);
    }
    const { mounted, ignoreTitles } = instance;
    mounted.show(data, setStateValue);
    instance.calls += 1;
    const { calls } = instance;
    return () => {
      if (instance.calls !== calls) return; // called again since: Streamlit leaves what it has overtaken
      instances.delete(parentElement);
      ignoreTitles();
      mounted.leave();
    };
  };
}
