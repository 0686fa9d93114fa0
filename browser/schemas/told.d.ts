/* Built by `make browser` from told.json. */

/**
 * @minItems 1
 * @maxItems 2
 */
export type Stretch = [Text] | [Text, Term];
export type Text = string;
export type Term = string | null;

/**
 * A message to a browser, which has one of these.
 */
export interface Told {
  shared?: SharedView;
  lesson?: LessonView | null;
  runs?: RunView[];
  personal?: PersonalView;
  overview?: Overview;
  notes?: NotesView | null;
  seat?: Ticket;
  refused?: string;
  press?: "next" | "back";
}
/**
 * What everybody in the room sees.
 *
 * Attributes:
 *     board: whose view is shown, and at which step; None: the presenter's.
 *     leaders: the best five by points, if points are shown.
 *     training: whether seats may start runs.
 */
export interface SharedView {
  run: string;
  shown: Shown;
  step: number;
  bet: BetView | null;
  board: Place | null;
  timer: number | null;
  leaders: Place[] | null;
  lesson: Lesson | null;
  training: boolean;
}
/**
 * A replay of the run: its draft, and the number of its prompt.
 */
export interface Shown {
  draft: string;
  number: number;
}
/**
 * A bet as everybody sees it.
 *
 * Attributes:
 *     counts, before: votes of each option, once they are counted; those of the first vote.
 *     answer, why, figures: once it is revealed.
 *     again: whether this is the second vote.
 *     phase: of the lesson, to which it leads.
 */
export interface BetView {
  text: string;
  options: string[];
  stage: "open" | "counted" | "revealed";
  again: boolean;
  counts: number[] | null;
  before: number[] | null;
  answer: number | null;
  why: string;
  figures: string[];
  phase: ("idea" | "shown" | "asked") | null;
}
/**
 * Somebody's name, and a number of theirs.
 */
export interface Place {
  name: string;
  number: number;
}
/**
 * Where the room is in the teacher's plan (`app/learn/steps.yaml`).
 *
 * Attributes:
 *     minutes: which plan.
 *     at: its step, from 0.
 *     since: seconds since 1970 at which that step began.
 */
export interface Lesson {
  minutes: 45 | 90;
  at: number;
  phase: "idea" | "shown" | "asked";
  since: number;
}
/**
 * A step of the lesson as everybody sees it.
 *
 * Attributes:
 *     id, number, of: of the step; which one of how many it is, from 1.
 *     terms: dotted word -> its definition, of the words in these texts.
 *     given, material: what the bet is about.
 *     shown, outcome: what really happened, once it is shown.
 *     exhibit: whether there is more to look at then, on the board.
 *     upcoming: the title of the next step; empty after the last.
 */
export interface LessonView {
  id: string;
  number: number;
  of: number;
  title: string;
  terms: {
    [k: string]: string;
  };
  idea: Stretch[];
  given: string;
  material: (Passage | Pairs | Bars | Table)[];
  shown: Stretch[];
  outcome: (Passage | Pairs | Bars | Table)[];
  exhibit: boolean;
  upcoming: string;
}
/**
 * A prompt, and the text that goes on from it.
 */
export interface Passage {
  kind: "passage";
  prompt: string;
  chips: Chip[];
}
/**
 * A token that the step is about, or a stretch of text around such tokens.
 *
 * Attributes:
 *     fate: `text`: no token to look at; `guessed`: still open; `own`: the target's; `dropped`:
 *         behind a rejected one.
 */
export interface Chip {
  text: string;
  fate: "text" | "guessed" | "kept" | "rejected" | "own" | "dropped" | "marked";
}
/**
 * Two distributions, token by token.
 *
 * Attributes:
 *     shared: whether the part that both have in common is filled and added up.
 */
export interface Pairs {
  kind: "pairs";
  rows: Pair[];
  shared: boolean;
}
/**
 * A token's probability in the target and in the draft.
 *
 * Attributes:
 *     both: what they have in common; for several tokens together less than the smaller one.
 */
export interface Pair {
  label: string;
  p: number;
  q: number;
  both: number;
  marked: boolean;
}
/**
 * Measured values side by side, all from zero.
 *
 * Attributes:
 *     most: the value that fills the width.
 *     line: a value to compare with, and what it means.
 */
export interface Bars {
  kind: "bars";
  title: string;
  rows: Bar[];
  most: number;
  line: [number, string] | null;
}
/**
 * A measured value.
 *
 * Attributes:
 *     text: the value in writing.
 *     low, high: its interval, where it has one.
 */
export interface Bar {
  label: string;
  value: number;
  text: string;
  low: number | null;
  high: number | null;
  marked: boolean;
}
/**
 * Rows of words.
 */
export interface Table {
  kind: "table";
  head: string[];
  rows: string[][];
}
/**
 * A run of the room's.
 *
 * Attributes:
 *     word: how it is: queued, running, finished, ...
 *     place: in the studio's queue, from 1.
 *     percent: of its work that is done.
 *     alpha: the acceptance rate that AdaSPEC's draft reached.
 */
export interface RunView {
  id: string;
  seat: string;
  name: string;
  recipe: string;
  k: number;
  word: string;
  place: number | null;
  percent: number | null;
  alpha: number | null;
}
/**
 * What one seat sees besides.
 *
 * Attributes:
 *     vote: the option that they have bet on.
 *     points: None while points are hidden.
 */
export interface PersonalView {
  name: string;
  vote: number | null;
  points: number | null;
  waiting: number;
}
/**
 * What the presenter sees besides.
 *
 * Attributes:
 *     voted: how many have.
 *     right: the share of right votes; None without votes or without a right answer.
 *     discuss: whether talking it over and voting again is likely to help.
 */
export interface Overview {
  seats: SeatView[];
  voted: number;
  right: number | null;
  discuss: boolean;
  asked: [number, string, string][];
  signs: {
    [k: string]: number;
  };
  scores: boolean;
}
/**
 * A seat as the presenter sees it.
 */
export interface SeatView {
  id: string;
  name: string;
  here: boolean;
  step: number | null;
  voted: boolean;
  points: number;
}
/**
 * What the plan says to whoever presents.
 *
 * Attributes:
 *     minutes: for this step.
 *     until: seconds since 1970 at which they are over.
 *     answer: the right option of what is asked now; empty where nothing is.
 */
export interface NotesView {
  minutes: number;
  until: number;
  sees: string;
  ask: string;
  answer: string;
}
/**
 * A seat, and what it comes back with.
 */
export interface Ticket {
  id: string;
  secret: string;
}
