/** How long a request may take: WithRequestDeadline of k8s.io/apiserver, and what its handlers of writes allow. */
import { badRequest, timedOut } from './errors.ts';
import type { ApiRequest } from './http.ts';
import { goDurationMs } from './go-duration.ts';

/** What any request may take, unless its client asks for less. */
const REQUEST_MS = 60_000;
/** What changing one object may take. */
const CHANGE_MS = 34_000;

/** Rings once, after so many milliseconds; what it returns stops that. */
export type Alarm = (afterMs: number, ring: () => void) => () => void;

const clockAlarm: Alarm = (afterMs, ring) => {
  const timer = setTimeout(ring, afterMs);
  return () => clearTimeout(timer);
};

/** The time that the client gives its request, at most what the server gives. Throws 400 for what is no duration. */
export function allottedMs(query: URLSearchParams): number {
  const given = query.get('timeout');
  if (!given) return REQUEST_MS;
  let askedMs: number;
  try {
    askedMs = goDurationMs(given);
  } catch (error) {
    throw badRequest(`invalid timeout specified in the request URL - ${(error as Error).message}`);
  }
  return askedMs > 0 && askedMs < REQUEST_MS ? askedMs : REQUEST_MS;
}

/**
 * Does the work of a write, whose request's `gone` is aborted also when its time is up: with the 504 that the work is
 * to throw then. The work ends itself, so that nothing is written after the answer.
 */
export async function withDeadline<Request extends Pick<ApiRequest, 'query' | 'gone'>, Answer>(
  request: Request,
  about: 'one object' | 'many objects',
  work: (request: Request) => Answer | Promise<Answer>,
  alarm: Alarm = clockAlarm,
): Promise<Answer> {
  const ofClient = allottedMs(request.query);
  const changing = about === 'one object' && ofClient > CHANGE_MS;
  const over = new AbortController();
  const ring = (): void => over.abort(timedOut(changing ? 'deadline exceeded' : 'allotted time'));
  const leave = (): void => over.abort(timedOut('canceled'));
  const stop = alarm(changing ? CHANGE_MS : ofClient, ring);
  request.gone.addEventListener('abort', leave, { once: true });
  if (request.gone.aborted) leave();
  try {
    return await work({ ...request, gone: over.signal });
  } catch (error) {
    // Whatever of it is still under way must not outlive its answer.
    leave();
    throw error;
  } finally {
    stop();
    request.gone.removeEventListener('abort', leave);
  }
}
