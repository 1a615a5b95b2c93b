/** One row of the log; `prev` is the revision this write superseded, 0 when the key was absent. */
export interface LogRow {
  rev: number;
  key: string;
  type: number;
  prev: number;
  value: string | null;
  /** Checksum of the others; see `integrity.ts`. */
  sum: number;
}

/** What the store knows of its history: its last revision, and the one up to which it was compacted. */
export interface Meta {
  revision: number;
  compacted: number;
}

export const CREATE = 0;
export const UPDATE = 1;
export const DELETE = 2;
