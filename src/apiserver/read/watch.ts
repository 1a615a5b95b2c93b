import { readChange, readEntry, textOfChange } from '../codec.ts';
import type { ApiContext } from '../context.ts';
import { ApiError, expired, internalError } from '../errors.ts';
import { NotRead } from '../http.ts';
import type { ApiRequest, ApiResponse, Write } from '../http.ts';
import type { KubeObject } from '../object.ts';
import { keyPrefix } from '../resource.ts';
import type { Resource } from '../resource.ts';
import { parseSelectors } from '../selectors.ts';
import type { Selector } from '../selectors.ts';
import { renderEventObject } from '../table.ts';
import type { Rendering } from '../table.ts';
import { CompactedError, FutureRevisionError } from '../../store/index.ts';
import type { Change, Watch } from '../../store/index.ts';
import { PAGE } from './listing.ts';
import { eventLoop } from './turns.ts';
import { watchOptions } from './watch-options.ts';
import type { WatchOptions } from './watch-options.ts';

type EventType = 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';

const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';
const BOOKMARK_INTERVAL_MS = 60_000;

/** Answers a watch: a stream of JSON events, one a line. */
export function watchObjects(
  context: ApiContext,
  request: ApiRequest,
  resource: Resource,
  namespace: string | undefined,
  rendering: Rendering,
): ApiResponse {
  const options = watchOptions(request.query);
  const selector = parseSelectors(request.query, resource);
  const prefix = keyPrefix(resource, resource.namespaced ? namespace : undefined);
  return {
    status: 200,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-cache, private' },
    stream: async (write) => {
      const session = new WatchSession(context, resource, prefix, selector, rendering, options, write);
      try {
        await session.run(request.gone, context.registry.retirementOf(resource));
      } catch (error) {
        if (error instanceof NotRead) throw error;
        await write(`${JSON.stringify({ type: 'ERROR', object: statusOf(error, context) })}\n`);
      }
    },
  };
}

/** The errors that end a stream: a version that is gone, or one that this store has never reached. */
function statusOf(error: unknown, context: ApiContext): object {
  if (error instanceof CompactedError)
    return expired(`too old resource version: ${error.message}`).toStatus();
  // After a restore from an older copy clients hold versions of the future: they must list again.
  if (error instanceof FutureRevisionError)
    return expired(`unknown resource version: ${error.message}`).toStatus();
  if (error instanceof ApiError) return error.toStatus();
  context.logger.error({ err: error }, 'A watch failed');
  return internalError('the watch failed').toStatus();
}

class WatchSession {
  readonly #context: ApiContext;
  readonly #resource: Resource;
  readonly #prefix: string;
  readonly #selector: Selector | undefined;
  readonly #rendering: Rendering;
  readonly #options: WatchOptions;
  readonly #write: Write;
  #sentTable = false;

  constructor(
    context: ApiContext,
    resource: Resource,
    prefix: string,
    selector: Selector | undefined,
    rendering: Rendering,
    options: WatchOptions,
    write: Write,
  ) {
    this.#context = context;
    this.#resource = resource;
    this.#prefix = prefix;
    this.#selector = selector;
    this.#rendering = rendering;
    this.#options = options;
    this.#write = write;
  }

  /** Until the client is `gone`, its time is up, or the resource is `retired`, which it hears of to the end. */
  async run(gone: AbortSignal, retired: AbortSignal): Promise<void> {
    const { store } = this.#context;
    const watch = store.watch(this.#prefix, this.#options.from ?? store.revision);
    const close = () => watch.close();
    const end = () => watch.end();
    const timeout = setTimeout(close, this.#options.timeoutMs);
    let bookmarks: NodeJS.Timeout | undefined;
    gone.addEventListener('abort', close, { once: true });
    if (gone.aborted) close();
    retired.addEventListener('abort', end, { once: true });
    if (retired.aborted) end();
    try {
      // The state is read in the same turn as the watch began, so that nothing lies between them.
      if (this.#options.sendPresent) await this.#sendPresentState(gone);
      // Not before: a bookmark promises that everything up to it was sent.
      if (this.#options.bookmarks)
        bookmarks = setInterval(
          () => void this.#bookmark(watch.progress)?.catch(close),
          BOOKMARK_INTERVAL_MS,
        );
      await this.#sendChanges(watch);
      if (this.#options.bookmarks && !gone.aborted) await this.#bookmark(watch.progress);
    } finally {
      clearTimeout(timeout);
      clearInterval(bookmarks);
      gone.removeEventListener('abort', close);
      retired.removeEventListener('abort', end);
      watch.close();
    }
  }

  /** A page at a time: what a slow client has not taken yet stays in the store. */
  async #sendPresentState(gone: AbortSignal): Promise<void> {
    const { store } = this.#context;
    const { revision } = store;
    for (let after: string | undefined; ; ) {
      const { entries, reached, looked } = store.list(this.#prefix, { revision, ...PAGE, after });
      let lines = '';
      for (const entry of entries) {
        const object = readEntry(entry, this.#resource);
        if (!this.#selector || this.#selector(object)) lines += this.#line('ADDED', object);
      }
      eventLoop.spend(looked);
      if (lines) await this.#write(lines);
      after = reached;
      if (gone.aborted) return;
      if (reached === undefined) break;
      await eventLoop.take();
    }
    if (this.#options.announceInitialEnd) await this.#bookmark(revision, { [INITIAL_EVENTS_END]: 'true' });
  }

  async #sendChanges(watch: Watch): Promise<void> {
    for (;;) {
      const changes = await watch.next(eventLoop.take);
      let lines = '';
      for (const change of changes) lines += this.#changeLine(change);
      eventLoop.spend(changes.length);
      if (changes.length === 0) return;
      if (lines) await this.#write(lines);
    }
  }

  /** An object that comes to match the selector is ADDED to this watcher; one that ceases to is DELETED. */
  #changeLine(change: Change): string {
    const { current, previous } = readChange(change, this.#resource);
    const matches = (object: KubeObject | undefined) =>
      object !== undefined && (this.#selector === undefined || this.#selector(object));
    const before = matches(previous);
    if (current && matches(current)) return this.#lineOf(change, before ? 'MODIFIED' : 'ADDED', current);
    return before && previous ? this.#lineOf(change, 'DELETED', previous) : '';
  }

  /** Most watchers of a change want the same text. A table is as of now, and different for the first event. */
  #lineOf(change: Change, type: EventType, object: KubeObject): string {
    const rendering = this.#rendering;
    switch (rendering.as) {
      case 'table':
        return this.#line(type, object);
      case 'metadata':
      case 'object': {
        const kind = `${type} ${rendering.as === 'metadata' ? `metadata ${rendering.version}` : 'object'}`;
        return textOfChange(change, this.#resource, kind, () => this.#line(type, object));
      }
    }
  }

  #line(type: EventType, object: KubeObject): string {
    const position = this.#sentTable ? 'later' : 'first';
    this.#sentTable = true;
    const rendered = renderEventObject(
      object,
      this.#resource,
      this.#rendering,
      this.#context.now(),
      position,
    );
    return `${JSON.stringify({ type, object: rendered })}\n`;
  }

  #bookmark(revision: number, annotations?: Record<string, string>): ReturnType<Write> {
    const { kind, apiVersion } = this.#resource;
    const metadata = {
      resourceVersion: String(revision),
      ...(annotations && { annotations }),
    };
    const bare: KubeObject = { kind, apiVersion, metadata };
    if (this.#rendering.as !== 'table') return this.#write(this.#line('BOOKMARK', bare));
    const table = {
      kind: 'Table',
      apiVersion: `meta.k8s.io/${this.#rendering.version}`,
      metadata: { resourceVersion: String(revision) },
      columnDefinitions: null,
      rows: [{ cells: [], object: { ...bare, kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1' } }],
    };
    return this.#write(`${JSON.stringify({ type: 'BOOKMARK', object: table })}\n`);
  }
}
