import type { Logger } from '../telemetry/logger.ts';
import type { Resource } from '../resources/metadata.ts';
import type { Clock } from '../clock/clock.ts';
import { timestamp } from '../values/time.ts';
import { type Api, type ObjectPath, isNotFound } from './api.ts';
import type { Note } from './report.ts';

const eventsType = { group: '', version: 'v1', plural: 'events' };
const COMPONENT = 'purlin-controller';
const REMEMBERED = 4_096;
/** Notes that wait to be written; what comes above that is dropped, because an API that is away would collect them all. */
const WAITING = 1_000;

interface Recorded {
  path: ObjectPath;
  count: number;
}

/**
 * Writes core/v1 Events, as `kubectl describe` shows them. The same note on the same object is counted on one Event
 * instead of making more; one note is written again only when another came between, or the object acted again.
 * Best effort: notes are written one after another in the background, so that nothing waits for them, and one that
 * cannot be written is logged.
 */
export class EventRecorder {
  readonly #client: Api;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #recorded = new Map<string, Recorded>();
  readonly #last = new Map<string, string>();
  #serial = 0;
  #waiting = 0;
  #written: Promise<void> = Promise.resolve();

  constructor(options: { client: Api; clock: Clock; logger: Logger }) {
    this.#client = options.client;
    this.#logger = options.logger;
    this.#clock = options.clock;
  }

  /** Tells of a state: once, until something else is told of the object. */
  recordState(object: Resource, note: Note): void {
    if (this.#last.get(object.metadata.uid) !== textOf(note)) this.recordStep(object, note);
  }

  /** Tells of a step that was taken: each time. */
  recordStep(object: Resource, note: Note): void {
    remember(this.#last, object.metadata.uid, textOf(note));
    if (this.#waiting >= WAITING) return;
    this.#waiting += 1;
    const time = this.#time();
    this.#written = this.#written
      .then(() => this.#write(object, note, time))
      .finally(() => {
        this.#waiting -= 1;
      });
  }

  /** Resolves when every note has been written, or could not be. */
  async flush(): Promise<void> {
    await this.#written;
  }

  async #write(object: Resource, note: Note, time: string): Promise<void> {
    const key = `${object.metadata.uid}\n${textOf(note)}`;
    try {
      const known = this.#recorded.get(key);
      if (known && (await this.#count(known, time))) return;
      remember(this.#recorded, key, { path: await this.#create(object, note, time), count: 1 });
    } catch (error) {
      this.#logger.warn(
        { kind: object.kind, name: object.metadata.name, note, error: String(error) },
        'Event not written',
      );
    }
  }

  async #count(known: Recorded, time: string): Promise<boolean> {
    known.count += 1;
    try {
      await this.#client.patch(eventsType, known.path, { count: known.count, lastTimestamp: time });
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  async #create(object: Resource, note: Note, time: string): Promise<ObjectPath> {
    const { apiVersion, kind, metadata } = object;
    const namespace = metadata.namespace ?? 'default';
    this.#serial += 1;
    const name = `${metadata.name}.${this.#clock.now().toString(16)}${this.#serial.toString(16).padStart(4, '0')}`;
    await this.#client.create(eventsType, namespace, {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name, namespace },
      involvedObject: {
        apiVersion,
        kind,
        name: metadata.name,
        namespace: metadata.namespace,
        uid: metadata.uid,
        resourceVersion: metadata.resourceVersion,
      },
      ...note,
      source: { component: COMPONENT },
      reportingComponent: COMPONENT,
      reportingInstance: '',
      firstTimestamp: time,
      lastTimestamp: time,
      count: 1,
    });
    return { namespace, name };
  }

  #time(): string {
    return timestamp(new Date(this.#clock.now()));
  }
}

const textOf = ({ type, reason, message }: Note): string => `${type}\n${reason}\n${message}`;

/** A map that forgets its oldest entry when it is full. */
function remember<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > REMEMBERED) map.delete(map.keys().next().value ?? key);
}
