import type { Logger } from '../telemetry/logger.ts';

/** A last resort: what has not stopped by then is left to the operating system. */
const STOP_DEADLINE_MS = 9_500;
/** Time for the error to be written. */
const FAILED_START_MS = 1_000;

interface Running {
  close(): Promise<void>;
}

/**
 * Runs a service until SIGTERM or SIGINT, or until its supervisor is gone, and stops it within 10 s.
 * Resolves with the exit status.
 */
export async function runService(
  start: (context: { signal: AbortSignal; fail: (reason: string) => void }) => Promise<Running>,
  logger: Logger,
): Promise<number> {
  const stop = new AbortController();
  let status = 0;
  const stopping = new Promise<void>((resolve) => {
    const end = (): void => {
      stop.abort(new Error('stopping'));
      resolve();
    };
    // Not `once`: execa watches signals for the sake of its children, and where no other listener is left when its turn
    // comes, it ends the process.
    process.on('SIGTERM', end);
    process.on('SIGINT', end);
    // Children of `purlin up` must not go on without it: the next one could not start its own.
    if (process.connected) process.once('disconnect', end);
    stop.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  const fail = (reason: string): void => {
    logger.error({ reason }, 'ending');
    status = 1;
    stop.abort(new Error(reason));
  };
  const started = start({ signal: stop.signal, fail });
  // Without a handler a failure during an early stop would be reported twice.
  started.catch(() => undefined);
  try {
    const running = await Promise.race([started, stopping.then(() => undefined)]);
    if (running) await stopping;
    exitLater(STOP_DEADLINE_MS, status);
    await (running ?? (await started.catch(() => undefined)))?.close();
  } catch (error) {
    // What a failed start has left open must not keep the supervisor from trying again.
    exitLater(FAILED_START_MS, 1);
    throw error;
  } finally {
    // The channel to the supervisor would keep this process alive.
    if (process.connected) process.disconnect();
  }
  return status;
}

/** Ends the process unless it has ended by itself until then. */
function exitLater(milliseconds: number, status: number): void {
  setTimeout(() => process.exit(status), milliseconds).unref();
}
