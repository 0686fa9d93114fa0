/** A presenter's keys: a clicker sends the page keys. */

export const NEXT = ["PageDown", "ArrowRight", " ", "Enter"];
export const BACK = ["PageUp", "ArrowLeft"];
