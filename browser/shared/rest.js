/** `act`, with what it was last asked with, once nothing has asked for a while.
 *
 * @template {unknown[]} Given
 * @param {(...given: Given) => void} act
 * @param {number} [milliseconds]
 */
export function whenRested(act, milliseconds = 400) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const forget = () => clearTimeout(timer);
  const ask = (/** @type {Given} */ ...given) => {
    forget();
    timer = setTimeout(() => act(...given), milliseconds);
  };
  return { ask, forget };
}
