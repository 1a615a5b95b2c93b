import { type Clock, delay } from '../clock/clock.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Resource } from '../resources/metadata.ts';
import { type Api, ApiError, type ResourceType } from './api.ts';
import type { Lookup } from '../plan/lookups.ts';
import { ObjectCache } from './object-cache.ts';

/**
 * Told of each difference of the cache once. An object that takes another's name comes after the deletion of that one,
 * even if nobody else tells of it.
 */
export type ObjectListener = (object: Resource, before: Resource | undefined, deleted: boolean) => void;

const FIRST_PAUSE_MS = 100;
/** An attempt that lasted for longer than this was no failure. */
const LAST_PAUSE_MS = 5_000;

/**
 * Keeps an ObjectCache true to one collection: list, then watch from the list's version; on a gap (410, a broken
 * stream) list again and tell the listener every difference. Never gives up; pauses before each further attempt, longer
 * and longer until one lasts.
 */
export class Informer {
  readonly cache: ObjectCache;
  readonly #client: Pick<Api, 'list' | 'watch'>;
  readonly #type: ResourceType;
  readonly #listener: ObjectListener;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #abort = new AbortController();
  readonly #synced = Promise.withResolvers<void>();
  /** The cache has everything that happened up to this version; of what came later, perhaps some. */
  #complete = 0n;
  /** From where the next watch goes on; nothing when only a list can tell. */
  #version: string | undefined;
  #running: Promise<void> | undefined;
  /** Why it cannot be listed, as long as that is so. */
  #unlistable: string | undefined;

  constructor(
    { client, clock, logger }: { client: Pick<Api, 'list' | 'watch'>; clock: Clock; logger: Logger },
    type: ResourceType,
    listener: ObjectListener,
    lookups: readonly Lookup[] = [],
  ) {
    this.cache = new ObjectCache(lookups);
    this.#client = client;
    this.#clock = clock;
    this.#type = type;
    this.#listener = listener;
    this.#logger = logger;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Resolves when the first list is in the cache. */
  synced(): Promise<void> {
    return this.#synced.promise;
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    let pauseMs = FIRST_PAUSE_MS;
    while (!signal.aborted) {
      const beganMs = this.#clock.monotonicMs();
      try {
        this.#version ??= await this.#relist();
        await this.#follow(this.#version);
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof ApiError) this.#version = undefined;
        this.#logger.debug({ plural: this.#type.plural, error: String(error) }, 'watch interrupted');
      }
      // Also after a stream that the server ended: one that ends every stream at once is asked no faster.
      if (this.#clock.monotonicMs() - beganMs > LAST_PAUSE_MS) pauseMs = FIRST_PAUSE_MS;
      await delay(this.#clock, pauseMs, signal).catch(() => undefined);
      pauseMs = Math.min(pauseMs * 2, LAST_PAUSE_MS);
    }
  }

  async #relist(): Promise<string> {
    const { items, resourceVersion } = await this.#listed();
    const present = new Set(items.map(({ metadata }) => metadata.uid));
    for (const object of this.cache.list()) {
      // What an own write made after the list was taken is not in it, and yet there.
      const listed = BigInt(object.metadata.resourceVersion) <= BigInt(resourceVersion);
      if (listed && !present.has(object.metadata.uid)) this.#removed(object);
    }
    for (const object of items) this.put(object);
    this.#completeUpTo(resourceVersion);
    this.#synced.resolve();
    return resourceVersion;
  }

  /** Without its list nothing is planned, so whoever looks after the controllers is told why there is none; once for each reason. */
  async #listed(): ReturnType<Api['list']> {
    const { plural } = this.#type;
    try {
      const list = await this.#client.list(this.#type);
      if (this.#unlistable !== undefined) this.#logger.info({ plural }, 'listed');
      this.#unlistable = undefined;
      return list;
    } catch (error) {
      const because = error instanceof Error ? error.message : String(error);
      const stopped = this.#abort.signal.aborted;
      if (!stopped && because !== this.#unlistable)
        this.#logger.warn({ plural, because }, 'cannot be listed');
      this.#unlistable = because;
      throw error;
    }
  }

  async #follow(from: string): Promise<void> {
    for await (const event of this.#client.watch(this.#type, from, this.#abort.signal)) {
      if (event.type === 'ERROR') {
        this.#logger.debug({ plural: this.#type.plural, status: event.object }, 'watch expired');
        this.#version = undefined;
        return;
      }
      if (event.type === 'DELETED') this.#removed(event.object);
      else if (event.type !== 'BOOKMARK') this.put(event.object);
      this.#version = event.object.metadata.resourceVersion;
      this.#completeUpTo(this.#version);
    }
  }

  /** Also used with the answer to an own write, so that the next plan sees it. */
  put(told: Resource): void {
    const object = withoutManagedFields(told);
    const { uid, resourceVersion } = object.metadata;
    // An answer that comes late: what the cache does not have of that time has been deleted since.
    if (BigInt(resourceVersion) <= this.#complete) return;
    const change = this.cache.put(object);
    if (change === 'unchanged') return;
    const { before } = change;
    const replaced = before !== undefined && before.metadata.uid !== uid;
    if (replaced) this.#listener(before, before, true);
    this.#listener(object, replaced ? undefined : before, false);
  }

  #completeUpTo(resourceVersion: string): void {
    const version = BigInt(resourceVersion);
    // A list may be older than what is known already.
    if (version > this.#complete) this.#complete = version;
  }

  /** For an object that is known to be gone. */
  forget(uid: string): void {
    const key = this.cache.keyOfUid(uid);
    const known = key === undefined ? undefined : this.cache.get(key);
    if (known) this.#removed(known);
  }

  #removed(object: Resource): void {
    const known = this.cache.remove(object);
    if (known) this.#listener(object, known, true);
  }
}

/** Nobody here asks who manages which field, and that is half of what an object takes. */
function withoutManagedFields(object: Resource): Resource {
  if (!('managedFields' in object.metadata)) return object;
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}
