/* Built by `make browser` from event.json. */

export type Event = Started | StageBegan | Finished;

/**
 * An attempt begins, in so many processes.
 */
export interface Started {
  version: 1;
  time: number;
  event: "start";
  processes: number;
}
export interface StageBegan {
  version: 1;
  time: number;
  event: "stage";
  stage: string;
}
export interface Finished {
  version: 1;
  time: number;
  event: "finished";
}
