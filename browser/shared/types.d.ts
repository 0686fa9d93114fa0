/** What Python sends (app/: the view of each feature), and what several modules hand each other.
 *
 * What lies on disk, a comparison and an ablation have schemas, of which types are built: see
 * `schemas/`.
 */

import type { Ablation, Method, MethodDifference, Spent } from "../schemas/ablation";
import type { Agreement, ComparedDraft, Comparison, Difference } from "../schemas/comparison";
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

/** A column of numbers, little endian. */
export interface Packed {
  type: "f4" | "u4" | "u2" | "u1";
  base64: string;
}

export type Numbers = Float32Array | Uint32Array | Uint16Array | Uint8Array;

/** A token's text, or its bytes in hexadecimal if it is not whole characters. */
export interface Piece {
  text?: string;
  bytes?: string;
  special?: boolean;
}

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

export type Role = "stock" | "reference" | "draft" | "rival";

/** Role -> snapshot, of those that the run has. */
export type Roles = Partial<Record<Role, string>>;

export interface Metric {
  name: string;
  label: string;
  unit: string;
  column: string;
  of: Role | null;
  minus: Role | null;
  low: number;
  high: number;
  scale: "linear" | "log";
  diverging: boolean;
  explanation: string;
}

export interface Histogram {
  low: number;
  high: number;
  counts: number[];
  below: number;
  above: number;
}

export interface Snapshot {
  label: string;
  colour: string;
  step: number;
}

/* Tokens (app: token_view). */

export interface TokenView {
  id: string;
  title: string;
  rows: number;
  tokens: { id: Packed; seq: Packed; response: Packed };
  vocabulary: Vocabulary;
  /** Row -> the whole character that its token is a part of. */
  pieces: Record<string, string>;
  /** `column` or `column@snapshot`. */
  columns: Record<string, Packed>;
  /** Model -> its five likeliest tokens of every row. */
  top: Record<string, { id: Packed; p: Packed }>;
  snapshots: Record<string, Snapshot>;
  roles: Roles;
  timeline: string[];
  metrics: Metric[];
  /** Metric -> its histogram over all tokens of the source. */
  corpus: Record<string, Histogram>;
  pools: Record<string, string>;
  notes: string[];
}

/** How a text is looked at (app: token_heatmap). */
export interface TokenState {
  metric: string;
  k: number;
  pool: string;
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
}

export interface ReplayState {
  step: number | null;
  speed: number;
  /** ROUND.PLACE */
  token: string | null;
}

/* Compare (app: compare_view; adaspec: comparison). */

export type { Agreement, ComparedDraft, Difference };

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
