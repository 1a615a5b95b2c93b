/** Removes Events an hour after they were last seen, as a real API server does. */
import { decodeEntry } from '../codec.ts';
import type { ApiContext } from '../context.ts';
import { isObject } from '../object.ts';
import type { KubeObject } from '../object.ts';
import { everything } from '../read/list-options.ts';
import { Listing, pagesOf } from '../read/listing.ts';
import { keyPrefix } from '../resource.ts';
import type { Entry } from '../../store/index.ts';

const TTL_MS = 60 * 60 * 1000;
const SWEEP_INTERVAL_MS = 5 * 60 * 1000;

/** Returns a function that stops the sweeping. */
export function startEventExpiry(context: ApiContext): () => void {
  const sweep = () =>
    void expireEvents(context).catch((error: unknown) =>
      context.logger.warn({ err: error }, 'Old Events could not be removed'),
    );
  sweep();
  const timer = setInterval(sweep, SWEEP_INTERVAL_MS);
  timer.unref();
  return () => clearInterval(timer);
}

export async function expireEvents({
  store,
  registry,
  now,
}: Pick<ApiContext, 'store' | 'registry' | 'now'>): Promise<void> {
  const events = registry.find('', 'v1', 'events');
  if (!events) return;
  const deadline = now().getTime() - TTL_MS;
  const ifOld = (entry: Entry): Entry | undefined =>
    lastSeen(decodeEntry(entry)) < deadline ? entry : undefined;
  // One that was updated meanwhile was seen again, and stays.
  for await (const old of pagesOf(new Listing(store, everything(keyPrefix(events)), ifOld)))
    await Promise.allSettled(old.map(({ key, revision }) => store.delete(key, revision)));
}

function lastSeen(event: KubeObject): number {
  const series = isObject(event['series']) ? event['series']['lastObservedTime'] : undefined;
  const times = [event.metadata.creationTimestamp, event['lastTimestamp'], event['eventTime'], series];
  return Math.max(0, ...times.filter((time) => typeof time === 'string').map((time) => Date.parse(time)));
}
