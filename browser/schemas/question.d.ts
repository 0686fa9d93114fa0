/* Built by `make browser` from question.json. */

/**
 * What is bet on.
 *
 * Attributes:
 *     answer: the option that is right; None where there is none, in a poll.
 *     why: what is said once it is revealed.
 *     figures: what was measured of every option, shown with the answer; empty: nothing was.
 *     step: the step of the replay that shows it; None: the replay stays where it is.
 *     phase: of the lesson, to which it leads; None: it is none of the lesson's.
 */
export interface Question {
  text: string;
  /**
   * @minItems 2
   * @maxItems 6
   */
  options:
    | [string, string]
    | [string, string, string]
    | [string, string, string, string]
    | [string, string, string, string, string]
    | [string, string, string, string, string, string];
  answer: number | null;
  why: string;
  figures: string[];
  step: number | null;
  phase: ("idea" | "shown" | "asked") | null;
}
