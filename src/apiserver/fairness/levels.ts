/** The priority levels: what each may have in flight and waiting, and its share of the server when all are busy. */

export const LEVEL_NAMES = [
  'system',
  'leader-election',
  'administrators',
  'workload-high',
  'workload-low',
  'global-default',
  'catch-all',
] as const;

export type LevelName = (typeof LEVEL_NAMES)[number];

export interface Level {
  /** Of the server's time, relative to the other levels that have something to do. */
  readonly shares: number;
  /** What may have begun and not be answered yet; see `work.ts` for what a request takes. */
  readonly seats: number;
  /** Requests of one user that may wait. */
  readonly queueLength: number;
  /** Requests of all users of the level that may wait. */
  readonly totalQueueLength: number;
  /** How long a request may wait. As in kube-apiserver: a quarter of the request timeout of 60 s. */
  readonly waitMs: number;
}

const level = (shares: number, seats: number, queueLength = 1000): Level => ({
  shares,
  seats,
  queueLength,
  totalQueueLength: 4 * queueLength,
  waitMs: 15_000,
});

/** Levels are Kubernetes' defaults, with levels of their own for administrators and for our controllers (ADR 0021). */
export const LEVELS: Readonly<Record<LevelName, Level>> = {
  system: level(100, 64, 5000),
  'leader-election': level(40, 16, 100),
  administrators: level(60, 64),
  'workload-high': level(40, 48),
  'workload-low': level(20, 48, 500),
  'global-default': level(20, 48, 500),
  'catch-all': level(5, 8, 50),
};
