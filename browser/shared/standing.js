/** When a page of Streamlit's stands: no script runs, and what loads its own script is drawn.
 *
 * A component that reports something before that brings the server a list of the page's values
 * without those of widgets that are still to come, and the server forgets what they were: a link's,
 * for instance. A page from disk stands at once.
 */

const LOOK = 50; // milliseconds between two looks
const PATIENCE = 10_000; // milliseconds

/** @param {number} [patience] */
export async function pageStands(patience = PATIENCE) {
  const until = performance.now() + patience;
  while (!stands() && performance.now() < until) {
    await new Promise((look) => setTimeout(look, LOOK));
  }
}

function stands() {
  const app = /** @type {HTMLElement | null} */ (document.querySelector("[data-testid=stApp]"));
  if (!app) return true;
  const coming = document.querySelector("[data-testid=stSkeleton]");
  return app.dataset.testScriptState === "notRunning" && !coming;
}
