/* Built by `make browser` from notes.json. */

/**
 * The content of `notes.json`.
 *
 * Attributes:
 *     tags: short words to find runs by, each once.
 *     note: plain text, of any number of lines.
 */
export interface Notes {
  version: 1;
  /**
   * @maxItems 12
   */
  tags:
    | []
    | [string]
    | [string, string]
    | [string, string, string]
    | [string, string, string, string]
    | [string, string, string, string, string]
    | [string, string, string, string, string, string]
    | [string, string, string, string, string, string, string]
    | [string, string, string, string, string, string, string, string]
    | [string, string, string, string, string, string, string, string, string]
    | [string, string, string, string, string, string, string, string, string, string]
    | [string, string, string, string, string, string, string, string, string, string, string]
    | [string, string, string, string, string, string, string, string, string, string, string, string];
  note: string;
}
