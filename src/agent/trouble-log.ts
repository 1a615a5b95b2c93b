import type { Logger } from 'pino';
import { describeFailure } from './failure.ts';

/** The same trouble is told again after this long, with how often it came in between. */
const quietMs = 60_000;

/** A memory of more kinds of trouble than this helps nobody. */
const kindsKept = 100;

/**
 * Tells of trouble that is retried by itself: each kind once a minute, however often it comes. Without it a Redis that
 * is away would fill the log with every attempt of every connection.
 */
export class TroubleLog {
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #told = new Map<string, { atMs: number; since: number }>();

  constructor(logger: Logger, now: () => number) {
    this.#logger = logger;
    this.#now = now;
  }

  warn(message: string, error: unknown): void {
    const because = describeFailure(error).message;
    const kind = `${message}: ${because}`;
    const told = this.#told.get(kind);
    if (told && this.#now() - told.atMs < quietMs) {
      told.since += 1;
      return;
    }
    if (this.#told.size >= kindsKept) this.#told.clear();
    this.#told.set(kind, { atMs: this.#now(), since: 0 });
    this.#logger.warn({ because, ...(told && { timesSinceLastTold: told.since + 1 }) }, message);
  }

  /** It is over: when it comes again it is news. @returns whether any had been told */
  over(message: string): boolean {
    const kinds = [...this.#told.keys()].filter((kind) => kind.startsWith(`${message}: `));
    for (const kind of kinds) this.#told.delete(kind);
    return kinds.length > 0;
  }
}
