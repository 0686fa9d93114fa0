/** What a learner has answered, kept by the browser: no account, and nothing leaves it. */

const KEY = "adaspec-learned";

/**
 * @typedef {object} Mark what was answered at a step
 * @property {string} [bet] the option that was chosen; empty where it was only looked at
 * @property {string} [answer] to the question
 * @typedef {{ at: number, steps: Record<string, Mark> }} Progress `at` is the number of the step
 *   that was looked at last, from 1; 0 before the first
 */

/** @returns {Progress} */
export function readProgress() {
  try {
    const { at, steps } = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return { at: Number.isInteger(at) ? at : 0, steps: steps instanceof Object ? steps : {} };
  } catch {
    return { at: 0, steps: {} }; // a private window, or what somebody else wrote
  }
}

/** @param {Progress} progress */
export function keepProgress(progress) {
  try {
    localStorage.setItem(KEY, JSON.stringify(progress));
  } catch {
    // A private window: it is kept as long as the page.
  }
}
