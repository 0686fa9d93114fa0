/** What Python sends (app/: the view of each feature), and what several modules hand each other.
 *
 * What lies on disk, a comparison, an ablation and the view of tokens have schemas, of which types
 * are built: see `schemas/`.
 */

import type { Ablation, Method, MethodDifference, Spent } from "../schemas/ablation";
import type {
  Agreement,
  ComparedDraft,
  Comparison,
  Difference,
  Significance,
} from "../schemas/comparison";
import type {
  Drawn,
  Histogram,
  Metric,
  Packed,
  Piece,
  Played,
  TokenView,
} from "../schemas/token_view";
import type { AtlasCell, AtlasView } from "../schemas/atlas_view";
import type { OwnPrompt } from "../schemas/own_prompt";
import type { OwnText } from "../schemas/own_text";
import type { Trace } from "../schemas/trace";

/* Streamlit's side. */

export interface Call<Data> {
  data: Data;
  parentElement: HTMLElement;
  setStateValue: (name: string, value: unknown) => void;
}

export interface Mounted<Data> {
  show: (data: Data, setStateValue: Call<Data>["setStateValue"]) => void;
  leave: () => void;
}

/* Tokens and columns. */

export type { AtlasCell, AtlasView, Drawn, Histogram, Metric, Packed, Piece, TokenView };

export type Numbers = Float32Array | Uint32Array | Uint16Array | Uint8Array;

/** Token id -> piece. */
export type Vocabulary = Record<string, Piece>;

/* Scales and metrics. */

export interface Scale {
  low: number;
  high: number;
  log: boolean;
  diverging: boolean;
}

export type Limits = [number, number];

export type Role = keyof Roles;

export type Roles = Played;

/* Tokens (app: views). */

/** How a text is looked at (app: token_heatmap). */
export interface TokenState {
  metric: string;
  k: number;
  pool: string;
  /** Whose ΔL selects: as a training begins, or the draft's that is shown. */
  by: "stock" | "draft";
  token: number | null;
  pins: number[];
  step: string | null;
  underline: "metric" | "triple" | "none";
  density: "comfortable" | "compact";
  wrap: boolean;
  prompt: boolean;
  outline: boolean;
}

/* Filter (app: filter_view). */

export interface ShareList<Row> {
  name: string;
  explanation: string;
  rows: Row[];
}

/** Of a class: how many tokens it has, and how many are kept at each k. */
export interface GroupRow<Curve> {
  label: string;
  explanation?: string;
  tokens: number;
  kept: Curve;
}

/** Of another selection: how many tokens both keep at each k. */
export interface OverlapRow<Curve> {
  label: string;
  explanation?: string;
  shared: Curve;
}

/** A curve has a value for each k in thousandths, 0 to 1000. */
interface FilterCurves<Curve> {
  id: string;
  title: string;
  tokens: number;
  histogram: Histogram;
  threshold: Curve;
  kept: Curve;
  mass: Curve;
  groups: ShareList<GroupRow<Curve>>[];
  overlaps: ShareList<OverlapRow<Curve>>[];
  notes: string[];
}

export interface FilterView extends FilterCurves<Packed> {
  /** Whether there is nothing but the histogram and the text. */
  brief?: boolean;
  text: {
    title: string;
    tokens: { id: Packed; response: Packed };
    vocabulary: Vocabulary;
    entry: Packed;
  };
}

export interface FilterSample {
  title: string;
  vocabulary: Vocabulary;
  id: Numbers;
  response: Numbers;
  entry: Numbers;
}

/** The same with its columns unpacked. */
export interface FilterReading extends FilterCurves<Numbers> {
  text: FilterSample;
}

/* Replay (app: replay_view). */

/** Gamma, milliseconds a drafted token, and of a pass over gamma + 1 tokens. */
export type Cost = [number, number, number];

export interface ReplayView {
  id: string;
  title: string;
  target: string;
  draft: string;
  trace: Trace;
  steps: number;
  vocabulary: Vocabulary;
  /** Place in the text -> the whole character that its token is a part of. */
  pieces: Record<string, string>;
  plain: { ms: number; how: string } | null;
  costs: Cost[];
  /** Whether what it is and what else could be is told elsewhere. */
  brief: boolean;
  /** Whether another draft length can be asked for. */
  choosing: boolean;
}

export interface ReplayState {
  step: number | null;
  speed: number;
  /** ROUND.PLACE */
  token: string | null;
  /** over the whole screen */
  present: boolean;
}

/** Two drafts on one prompt (app: replay/race). */
export interface RaceView {
  id: string;
  title: string;
  replays: [ReplayView, ReplayView];
  /** What the clock says, in a sentence. */
  clock: string;
  /** Link to the comparison of both. */
  compare: string;
}

export interface RaceState {
  /** Milliseconds; null: it plays from the start. */
  clock: number | null;
}

/* What the browser does by itself. */

export type { OwnPrompt, OwnText };
export type Engine = OwnPrompt["engine"];

/* Compare (app: compare_view; adaspec: comparison). */

export type { Agreement, ComparedDraft, Significance, Difference };

/** How a draft is written and drawn. */
export interface Look {
  label: string;
  colour: string;
  glyph: string;
}

export interface DraftLook extends Look {
  name: string;
  run: string;
  short: string;
}

export type Looks = Record<string, DraftLook>;

export type Interval = [number, number];
export type Verdict = Difference["verdict"];

export interface Measure {
  name: string;
  label: string;
  unit: string;
  factor: number;
  digits: number;
}

/** Tokens of the target's own text, a sample of them where they are many. */
interface SampledTokens<Column> {
  total: number;
  rows: number;
  seq: Column;
  row: Column;
  p: Column;
  windows: Column;
  before: number;
  vocabulary: Vocabulary;
  drafts: Record<string, Record<"kl" | "overlap" | "q" | "agree", Column>>;
}

/** A figure as Vega-Lite (adaspec: figures). */
export type Chart = Record<string, unknown>;

declare global {
  /** Of a page from disk that has figures. */
  var vegaEmbed: (
    parent: HTMLElement,
    chart: Chart,
    options: Record<string, unknown>,
  ) => Promise<unknown>;
}

export interface NumbersView {
  id: string;
  comparison: Comparison;
  measures: Measure[];
  looks: Looks;
}

export interface BoardView extends NumbersView {
  tokens: SampledTokens<Packed>;
}

export type BoardTokens = SampledTokens<Numbers>;

export interface BoardState {
  scatter: string | null;
  kl: Interval | null;
  beta: Interval | null;
  agree: [string, string] | null;
  cell: "both" | "first" | "second" | "none" | null;
}

/** Token, p, q, u, accepted. */
export type LaneProposal = [number, number, number, number | null, boolean | null];

export interface LaneRound {
  proposals: LaneProposal[];
  last: [number, "residual" | "bonus"] | null;
}

interface LanesOf<Mode, Lane> {
  id: string;
  mode: Mode;
  seq: number;
  baseline: string;
  rows: number;
  prompt: number[];
  vocabulary: Vocabulary;
  looks: Looks;
  lanes: Record<string, Lane>;
}

/** Every draft's own decoding. */
export type FreeLanes = LanesOf<"free", { rounds: LaneRound[] }>;

/** Every draft on the target's recorded text. */
export type ForcedLanes = LanesOf<
  "forced",
  { q: number[]; overlap: number[]; kl: number[]; agree: number[] }
> & { ids: number[]; p: number[]; u: number[] };

export type LanesView = FreeLanes | ForcedLanes;

export interface LanesState {
  at: number | null;
  versus: [string, string] | null;
}

/* Ablation (app: ablation_view; adaspec: ablation). */

export type { Method, MethodDifference };

export interface AblationView {
  id: string;
  /** What was compared, and what is drawn against k, in words. */
  intro: string;
  summary: Ablation;
  baseline: string;
  looks: Record<string, Look>;
}

/* Learn (app: learn/view, learn/blocks). */

/** Words, and the name of their definition where they are dotted. */
export type Stretch = [text: string, term?: string | null];

export interface Chip {
  text: string;
  fate: "text" | "guessed" | "kept" | "rejected" | "own" | "dropped" | "marked";
}

export interface Passage {
  kind: "passage";
  prompt: string;
  chips: Chip[];
}

export interface Pair {
  label: string;
  p: number;
  q: number;
  /** What p and q have in common. */
  both: number;
  marked: boolean;
}

export interface Pairs {
  kind: "pairs";
  rows: Pair[];
  shared: boolean;
}

export interface Bars {
  kind: "bars";
  title: string;
  rows: {
    label: string;
    value: number;
    text: string;
    low: number | null;
    high: number | null;
    marked: boolean;
  }[];
  /** The value that fills the width. */
  most: number;
  line: [value: number, means: string] | null;
}

export interface Table {
  kind: "table";
  head: string[];
  rows: string[][];
}

export type Block = Passage | Pairs | Bars | Table;

export interface Bet {
  id: string;
  text: string;
}

export interface Answer extends Bet {
  says: string;
  right: boolean;
}

export interface LearnStep {
  id: string;
  title: string;
  idea: Stretch[];
  given: string;
  material: Block[];
  ask: string;
  options: Bet[];
  right: string;
  shown: Stretch[];
  outcome: Block[];
  question: string;
  answers: Answer[];
  look: string;
  link: string;
}

export interface LearnView {
  terms: Record<string, string>;
  steps: LearnStep[];
  /** What is said after the last step, and where to go then. */
  end: string;
  onward: { text: string; link: string }[];
}

export type Exhibit =
  | { of: number; kind: "lab"; data: { rows: Pair[] } }
  | { of: number; kind: "player"; data: { view: ReplayView; state: ReplayState } }
  | { of: number; kind: "heatmap"; data: { view: TokenView; state: TokenState } }
  | { of: number; kind: "filter"; data: { view: FilterView; state: { k: number } } };
