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

/** What cannot go on says why: its client has left, or its time is up. */
type Timed = Pick<ApiRequest, 'gone'>;

/**
 * Does the work of a request, whose `gone` is aborted also when its time is up, with the 504 that the work is to throw
 * then. The work ends itself, so that nothing is written after the answer. What is left to be sent once it has ended
 * may take longer.
 */
export const withinAllottedTime = <Request extends Timed, Answer>(
  request: Request,
  allowedMs: number,
  work: (request: Request) => Promise<Answer>,
  alarm: Alarm = clockAlarm,
): Promise<Answer> =>
  within(request, { allowedMs, atEnd: 'allotted time', onLeaving: () => timedOut('canceled') }, work, alarm);

/** The same for a change of one object, which is part of such a request. */
export const withinTimeOfChange = <Request extends Timed, Answer>(
  request: Request,
  work: (request: Request) => Answer | Promise<Answer>,
  alarm: Alarm = clockAlarm,
): Promise<Answer> =>
  within(
    request,
    { allowedMs: CHANGE_MS, atEnd: 'deadline exceeded', onLeaving: () => request.gone.reason as Error },
    work,
    alarm,
  );

interface Limit {
  readonly allowedMs: number;
  readonly atEnd: Parameters<typeof timedOut>[0];
  /** What the work is to throw when the request ends first. */
  readonly onLeaving: () => Error;
}

async function within<Request extends Timed, Answer>(
  request: Request,
  { allowedMs, atEnd, onLeaving }: Limit,
  work: (request: Request) => Answer | Promise<Answer>,
  alarm: Alarm,
): Promise<Answer> {
  const over = new AbortController();
  let working = true;
  const leave = (): void => over.abort(working ? onLeaving() : request.gone.reason);
  const stop = alarm(allowedMs, () => over.abort(timedOut(atEnd)));
  // Until the end of the request: its answer may be made while it is sent.
  request.gone.addEventListener('abort', leave, { once: true });
  if (request.gone.aborted) leave();
  try {
    return await work({ ...request, gone: over.signal });
  } catch (error) {
    // Whatever of it is still under way must not outlive its answer.
    over.abort(error);
    throw error;
  } finally {
    working = false;
    stop();
  }
}
