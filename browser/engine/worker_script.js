/** What a worker runs: `dist/engine.js`. */

import { serve } from "./worker.js";

serve(/** @type {any} */ (globalThis));
