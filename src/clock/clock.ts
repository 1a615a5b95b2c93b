import { uptime } from 'node:os';

/** Time as it is passed in: the system's, or a simulated world's. */
export interface Clock {
  /** Milliseconds since the epoch, for what people and other machines read. May jump in both directions. */
  now(): number;
  /** Milliseconds that only grow, from no particular start: how long something has lasted. */
  monotonicMs(): number;
  /** Milliseconds since the machine was started: the same for all its programs, one after another too. */
  uptimeMs(): number;
  /** Calls back once, after `delayMs` at the earliest. */
  after(delayMs: number, callback: () => void): Cancel;
}

/** Prevents a call that has not happened yet; harmless afterwards. */
export type Cancel = () => void;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  uptimeMs: () => Math.round(uptime() * 1_000),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Calls back every `intervalMs` until cancelled. */
export function every(clock: Clock, intervalMs: number, callback: () => void): Cancel {
  let cancel: Cancel = () => undefined;
  const arm = (): void => {
    cancel = clock.after(intervalMs, () => {
      arm();
      callback();
    });
  };
  arm();
  return () => cancel();
}

/** @throws the signal's reason as soon as it aborts */
export async function delay(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = (): void => reject(signal?.reason as Error);
  const cancel = clock.after(delayMs, resolve);
  signal?.addEventListener('abort', abort, { once: true });
  try {
    await promise;
  } finally {
    cancel();
    signal?.removeEventListener('abort', abort);
  }
}
