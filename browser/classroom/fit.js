/** A projector is not scrolled: what it shows is as large as fits into the window. */

const LARGEST = 1.6;
const SMALLEST = 0.5;
const STEP = 0.05;
const MARGIN = 28; // pixels below

/** Keeps an element so; call what comes back to let it go.
 *
 * @param {HTMLElement} element
 */
export function fitted(element) {
  let frame = 0;

  function fit() {
    for (let zoom = LARGEST; zoom >= SMALLEST; zoom -= STEP) {
      element.style.zoom = zoom.toFixed(2);
      const { top, height } = element.getBoundingClientRect();
      if (top + scrollY + height + MARGIN <= innerHeight) return;
    }
  }

  const soon = () => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(fit); // the same content comes to the same size, and rests
  };
  const observer = new ResizeObserver(soon);
  observer.observe(element);
  addEventListener("resize", soon);

  return () => {
    cancelAnimationFrame(frame);
    observer.disconnect();
    removeEventListener("resize", soon);
  };
}
