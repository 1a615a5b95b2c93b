import type { Logger } from '../telemetry/logger.ts';
import type { Resource } from '../resources/metadata.ts';
import { type ApiClient, type ObjectPath, isNotFound } from './api-client.ts';
import type { Note } from './report.ts';

const eventsType = { group: '', version: 'v1', plural: 'events' };
const COMPONENT = 'purlin-controller';
const REMEMBERED = 4_096;

interface Recorded {
  path: ObjectPath;
  count: number;
}

/**
 * Writes core/v1 Events, as `kubectl describe` shows them. The same note on the same object is counted on one Event
 * instead of making more; one note is written again only when another came between, or the object acted again.
 */
export class EventRecorder {
  readonly #client: ApiClient;
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #recorded = new Map<string, Recorded>();
  readonly #last = new Map<string, string>();
  #serial = 0;

  constructor(options: { client: ApiClient; logger: Logger; now: () => number }) {
    this.#client = options.client;
    this.#logger = options.logger;
    this.#now = options.now;
  }

  /** Tells of a state: once, until something else is told of the object. */
  async recordState(object: Resource, note: Note): Promise<void> {
    if (this.#last.get(object.metadata.uid) === textOf(note)) return;
    await this.recordStep(object, note);
  }

  /**
   * Tells of a step that was taken: each time. Best effort: an Event that cannot be written is logged and never holds
   * anything up.
   */
  async recordStep(object: Resource, note: Note): Promise<void> {
    const { uid } = object.metadata;
    remember(this.#last, uid, textOf(note));
    const key = `${uid}\n${textOf(note)}`;
    try {
      const known = this.#recorded.get(key);
      if (known && (await this.#count(known))) return;
      remember(this.#recorded, key, { path: await this.#create(object, note), count: 1 });
    } catch (error) {
      this.#logger.warn(
        { kind: object.kind, name: object.metadata.name, note, error: String(error) },
        'Event not written',
      );
    }
  }

  async #count(known: Recorded): Promise<boolean> {
    known.count += 1;
    try {
      await this.#client.patch(eventsType, known.path, { count: known.count, lastTimestamp: this.#time() });
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  async #create(object: Resource, note: Note): Promise<ObjectPath> {
    const { apiVersion, kind, metadata } = object;
    const namespace = metadata.namespace ?? 'default';
    this.#serial += 1;
    const name = `${metadata.name}.${this.#now().toString(16)}${this.#serial.toString(16).padStart(4, '0')}`;
    const time = this.#time();
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
    return new Date(this.#now()).toISOString().replace(/\.\d+Z$/, 'Z');
  }
}

const textOf = ({ type, reason, message }: Note): string => `${type}\n${reason}\n${message}`;

/** A map that forgets its oldest entry when it is full. */
function remember<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > REMEMBERED) map.delete(map.keys().next().value ?? key);
}
