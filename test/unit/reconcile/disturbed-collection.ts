import {
  type Api,
  ApiError,
  type ResourceList,
  type ResourceType,
  type WatchEvent,
} from '../../../src/reconcile/api.ts';
import type { Resource } from '../../../src/resources/metadata.ts';
import { ApiStore, type Change } from '../../../src/simulation/api-store.ts';

export const disks: ResourceType = { group: 'purlin.dev', version: 'v1alpha1', plural: 'disks' };
const machines: ResourceType = { group: 'purlin.dev', version: 'v1alpha1', plural: 'machines' };

/** A watch that somebody has open; what it brings is queued until its reader comes to it. */
class Stream {
  position: number;
  readonly #queue: (() => WatchEvent<Resource> | 'end')[] = [];
  #arrival = Promise.withResolvers<void>();

  constructor(position: number) {
    this.position = position;
  }

  push(next: () => WatchEvent<Resource> | 'end'): void {
    this.#queue.push(next);
    this.#arrival.resolve();
  }

  async *read(): AsyncGenerator<WatchEvent<Resource>> {
    for (;;) {
      const next = this.#queue.shift();
      if (next === undefined) {
        await this.#arrival.promise;
        this.#arrival = Promise.withResolvers();
        continue;
      }
      const event = next();
      if (event === 'end') return;
      yield event;
    }
  }
}

/** How a request can end badly. */
export type Failure = 'connection lost' | 'refused';

const errorOf = (failure: Failure): Error =>
  failure === 'refused' ? new ApiError(503, 'ServiceUnavailable', 'try later') : new Error('connection lost');

/** The disks of an API server, whose lists and watches are answered, broken and expired by a test. */
export class DisturbedCollection implements Pick<Api, 'list' | 'watch'> {
  readonly store: ApiStore;
  /** The disks as they were at each revision. */
  readonly states: Resource[][] = [[]];
  /** What a client may know for sure: the newest revision up to which it was told everything. */
  told = 0;
  requests = 0;
  /** How often a request was refused, or ended without being asked to. */
  faults = 0;
  readonly violations: string[] = [];
  #list: PromiseWithResolvers<ResourceList<Resource>> | undefined;
  #stream: Stream | undefined;
  /** Where the client has to go on watching; after a 410 and at first it has to list. */
  #continuesAt: number | undefined;
  /** The server itself has said no (or nothing yet): only then there is a reason to list. */
  #refused = true;

  /** @param revision what has happened before, among other kinds */
  constructor(revision: number) {
    let uids = 0;
    this.store = new ApiStore({
      collections: [
        { kind: 'Disk', plural: disks.plural, statusSubresource: true },
        { kind: 'Machine', plural: machines.plural, statusSubresource: true },
      ],
      newUid: () => `uid-${(uids += 1)}`,
      now: () => 0,
    });
    this.store.onChange(() => this.states.push(this.store.all(disks.plural)));
    while (this.store.revision < revision) this.changeAnotherKind();
    this.told = revision;
  }

  /** The client watches, and has been sent everything. */
  get upToDate(): boolean {
    return this.#stream !== undefined && this.#owed().length === 0;
  }

  list<Kind extends Resource>(type: ResourceType): Promise<ResourceList<Kind>> {
    this.#asked(type);
    if (!this.#refused) this.violations.push('listed although the watch can go on');
    this.#list = Promise.withResolvers();
    return this.#list.promise as Promise<ResourceList<Kind>>;
  }

  async *watch<Kind extends Resource>(
    type: ResourceType,
    resourceVersion: string,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<Kind>> {
    signal.throwIfAborted();
    this.#asked(type);
    const from = Number(resourceVersion);
    if (from !== this.#continuesAt) this.violations.push(`watched from ${from}, not ${this.#continuesAt}`);
    const stream = new Stream(from);
    this.#stream = stream;
    signal.addEventListener('abort', () => stream.push(() => 'end'), { once: true });
    yield* stream.read() as AsyncGenerator<WatchEvent<Kind>>;
  }

  /** A list is answered with the state of so many revisions ago; a watch brings so many of the events that it owes. */
  answer({ behind, count }: { behind: number; count: number }): void {
    if (this.#list) {
      const revision = Math.max(0, this.store.revision - behind);
      this.#list.resolve({ items: this.states[revision] ?? [], resourceVersion: String(revision) });
      this.#list = undefined;
      this.#tell(revision);
      return;
    }
    const owed = this.#owed();
    if (owed === 'expired') return this.expire('as an event');
    for (const { type, object, revision } of owed.slice(0, count)) {
      this.#stream?.push(() => ({ type, object }));
      this.#tell(revision);
    }
  }

  fail(failure: Failure): void {
    const error = errorOf(failure);
    this.#list?.reject(error);
    this.#stream?.push(() => {
      throw error;
    });
    this.#lose(this.#list ? 'refused' : failure);
  }

  /** Tells how far the watch is although nothing of its own has happened. */
  sendBookmark(): void {
    if (!this.upToDate) return;
    const { revision } = this.store;
    const object = { apiVersion: '', kind: 'Disk', metadata: { resourceVersion: String(revision) } };
    this.#stream?.push(() => ({ type: 'BOOKMARK', object: object as Resource }));
    this.#tell(revision);
  }

  /** 410 Gone comes as an event within the stream, or as the answer to the request. */
  expire(told: 'as an event' | 'as an answer'): void {
    const status = { apiVersion: 'v1', kind: 'Status', code: 410, reason: 'Expired', metadata: {} };
    if (!this.#stream) return;
    this.#stream.push(() => {
      if (told === 'as an answer') throw new ApiError(410, 'Expired', 'too old resource version');
      return { type: 'ERROR', object: status as unknown as Resource };
    });
    this.#continuesAt = undefined;
    this.#lose('refused');
  }

  endStream(): void {
    if (!this.#stream) return;
    this.#stream.push(() => 'end');
    this.#lose('connection lost');
  }

  changeAnotherKind(): void {
    this.store.create(machines, 'x', { metadata: { name: `m-${this.store.revision}` } });
  }

  #lose(failure: Failure): void {
    if (!this.#list && !this.#stream) return;
    this.faults += 1;
    this.#refused = failure === 'refused';
    this.#list = undefined;
    this.#stream = undefined;
  }

  #owed(): Change[] | 'expired' {
    const owed: Change[] = [];
    for (let position = this.#stream?.position; position !== undefined; ) {
      const next = this.store.next(disks.plural, position);
      if (next === 'expired') return 'expired';
      if (next) owed.push(next);
      position = next?.revision;
    }
    return owed;
  }

  #tell(revision: number): void {
    if (this.#stream) this.#stream.position = revision;
    this.#continuesAt = revision;
    this.#refused = false;
    this.told = Math.max(this.told, revision);
  }

  #asked({ plural }: ResourceType): void {
    if (plural !== disks.plural) this.violations.push(`asked for ${plural}`);
    this.requests += 1;
    if (this.#list || this.#stream) this.violations.push('two requests are open');
  }
}
