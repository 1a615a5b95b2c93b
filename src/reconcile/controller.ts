import type { ApiAction } from '../plan/api-actions.ts';
import type { KindDefinition } from '../plan/kind.ts';
import type { HostActionName } from '../plan/actions.ts';
import type { HostStep, Outcome } from '../plan/outcome.ts';
import type { HostSnapshot } from '../plan/snapshot.ts';
import type { Resource } from '../resources/metadata.ts';
import { keyOf } from '../resources/metadata.ts';
import { canonicalJson } from '../values/hash.ts';
import type { Logger } from '../telemetry/logger.ts';
import { performApiAction } from './api-actions.ts';
import { type ApiClient, isNotFound } from './api-client.ts';
import type { Dispatcher } from './dispatch.ts';
import type { EventRecorder } from './events.ts';
import type { Informers } from './informers.ts';
import { noteOf, reportStatus } from './report.ts';
import { WorkQueue } from './work-queue.ts';

export interface ControllerParts {
  kinds: readonly KindDefinition[];
  client: ApiClient;
  informers: Informers;
  dispatcher: Dispatcher;
  events: EventRecorder;
  /** The snapshot to plan from, only when its agent obeys this leader. */
  snapshotOf: (hostName: string) => HostSnapshot | 'unknown';
  now: () => number;
  logger: Logger;
}

/** Nothing of these may happen on the word of a cache alone. */
const DESTRUCTIVE: ReadonlySet<HostActionName> = new Set([
  'image.delete',
  'disk.delete',
  'subnet.delete',
  'machine.delete',
  'machine.powerOff',
  'machine.requestShutdown',
]);

/** What only one of several may get. */
const CONTESTED: ReadonlySet<ApiAction['name']> = new Set(['api.holdNetwork']);

const CONCURRENCY = 8;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 30_000;

/**
 * The loop: load, plan, report, act; one object at a time per key, for every kind alike. It is level-triggered: any
 * event may be lost or repeated, because each pass starts from what is there.
 */
export class Controller {
  readonly #parts: ControllerParts;
  readonly #kinds: ReadonlyMap<string, KindDefinition>;
  readonly #queue: WorkQueue;
  readonly #errors = new Map<string, number>();
  #contests: Promise<unknown> = Promise.resolve();

  constructor(parts: ControllerParts) {
    this.#parts = parts;
    this.#kinds = new Map(parts.kinds.map((definition) => [definition.kind, definition]));
    this.#queue = new WorkQueue(CONCURRENCY, (item) => this.#process(item));
  }

  /** Objects waiting or in work. */
  get depth(): number {
    return this.#queue.depth;
  }

  async close(): Promise<void> {
    await this.#queue.close();
  }

  /** Everything is looked at: at the start, and when a host becomes known or unknown. */
  enqueueAll(): void {
    for (const kind of this.#kinds.keys()) {
      for (const object of this.#parts.informers.list(kind)) this.#enqueue(kind, keyOf(object));
    }
  }

  /** An object changed: itself and whatever watches it. */
  objectChanged(object: Resource, before: Resource | undefined, deleted: boolean): void {
    if (this.#kinds.has(object.kind)) this.#enqueue(object.kind, keyOf(object));
    if (deleted) this.#parts.dispatcher.forget(object.metadata.uid);
    for (const { kind, watches } of this.#kinds.values()) {
      for (const watch of watches) {
        if (watch.kind !== object.kind) continue;
        // What it referred to before may concern others than what it refers to now.
        for (const version of before && before !== object ? [object, before] : [object]) {
          for (const key of watch.keys(version, this.#parts.informers)) this.#enqueue(kind, key);
        }
      }
    }
  }

  /** Parts of some owners changed on a host. */
  hostChanged(changedUids: ReadonlySet<string> | 'all'): void {
    if (changedUids === 'all') {
      this.enqueueAll();
      return;
    }
    for (const uid of changedUids) {
      const owner = this.#parts.informers.byUid(uid);
      if (owner) this.#enqueue(owner.kind, owner.key);
    }
    for (const definition of this.#kinds.values()) {
      const keys = definition.alsoConcerns?.(changedUids, this.#parts.informers) ?? [];
      for (const key of keys) this.#enqueue(definition.kind, key);
    }
  }

  #enqueue(kind: string, key: string): void {
    this.#queue.add(`${kind}:${key}`);
  }

  async #process(item: string): Promise<void> {
    const [kind, key] = splitOnce(item, ':');
    const definition = this.#kinds.get(kind);
    const object = this.#parts.informers.byKey(kind, key);
    if (!definition || !object) {
      this.#errors.delete(item);
      return;
    }
    const logger = this.#parts.logger.child({ kind, object: key, uid: object.metadata.uid });
    try {
      const recheckMs = await this.#reconcile(definition, object, logger);
      this.#errors.delete(item);
      if (recheckMs !== undefined) this.#queue.addAfter(item, recheckMs);
    } catch (error) {
      const failures = (this.#errors.get(item) ?? 0) + 1;
      this.#errors.set(item, failures);
      logger.error({ err: error }, 'reconciling failed; it is tried again');
      this.#queue.addAfter(item, Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), LAST_RETRY_MS));
    }
  }

  /** Returns after how long to look again if nothing happens before. */
  async #reconcile(
    definition: KindDefinition,
    object: Resource,
    logger: Logger,
  ): Promise<number | undefined> {
    const { informers, dispatcher, now } = this.#parts;
    const input = definition.gather(object, informers);
    const outcome = definition.plan(input, now());
    const host = hostStepOf(outcome);
    const snapshot = host ? this.#parts.snapshotOf(host.hostName) : 'unknown';
    const failure = host && snapshot !== 'unknown' ? dispatcher.failureOf(object, host, snapshot) : undefined;

    const reported = await reportStatus(object, definition.status(input, outcome, failure), this.#parts);
    const { events } = this.#parts;
    switch (outcome.type) {
      case 'settled':
        return undefined;
      case 'blocked':
        await events.recordState(object, {
          type: 'Warning',
          reason: outcome.reason,
          message: outcome.message,
        });
        return undefined;
      case 'waiting':
        return outcome.recheckMs;
      case 'act': {
        const { step } = outcome;
        if (step.on === 'api') {
          logger.info({ action: step.action.name, reason: outcome.reason }, outcome.because);
          if (CONTESTED.has(step.action.name)) {
            if (!(await this.#contest(definition, reported, step.action.name))) return 0;
          } else await performApiAction(reported, step.action, this.#parts);
          if (step.action.name !== 'api.addFinalizer') await events.recordStep(object, noteOf(outcome));
          return 0;
        }
        if (snapshot === 'unknown') return 1_000;
        if (DESTRUCTIVE.has(step.action.name) && !(await this.#confirmed(definition, object, step)))
          return 200;
        const dispatch = await dispatcher.dispatch(object, step, snapshot, now());
        if (dispatch.state === 'sent') {
          logger.info(
            { action: step.action.name, host: step.hostName, reason: outcome.reason },
            outcome.because,
          );
          await events.recordStep(object, noteOf(outcome));
          return 15_000;
        }
        if (failure)
          await events.recordState(object, {
            type: 'Warning',
            reason: failure.reason,
            message: failure.message,
          });
        return dispatch.recheckMs;
      }
    }
  }

  /**
   * Carries the action out if it still follows when every object of the kind is seen as the API server has it. One at a
   * time, and each decision is written before the next is made: two that want the same cannot both find it free.
   * Resolves with whether it was carried out.
   */
  #contest(definition: KindDefinition, object: Resource, action: ApiAction['name']): Promise<boolean> {
    const { client, informers, now } = this.#parts;
    const turn = this.#contests.then(async () => {
      const { items } = await client.list(informers.typeOf(definition.kind));
      for (const item of items) informers.put(item);
      const live = informers.byKey(definition.kind, keyOf(object));
      if (live?.metadata.uid !== object.metadata.uid) return false;
      const again = definition.plan(definition.gather(live, informers), now());
      if (again.type !== 'act' || again.step.on !== 'api' || again.step.action.name !== action) return false;
      await performApiAction(live, again.step.action, this.#parts);
      return true;
    });
    this.#contests = turn.catch(() => undefined);
    return turn;
  }

  /** The same step follows from the object as the API server has it at this moment. */
  async #confirmed(definition: KindDefinition, object: Resource, step: HostStep): Promise<boolean> {
    const { client, informers, now } = this.#parts;
    try {
      const live = await client.get(informers.typeOf(object.kind), object.metadata);
      informers.put(live);
      if (live.metadata.uid !== object.metadata.uid) return false;
      const again = hostStepOf(definition.plan(definition.gather(live, informers), now()));
      return again !== undefined && sameTarget(again, step);
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }
}

const sameTarget = (a: HostStep, b: HostStep): boolean =>
  a.hostName === b.hostName && canonicalJson(a.action) === canonicalJson(b.action);

const hostStepOf = (outcome: Outcome): HostStep | undefined =>
  outcome.type === 'act' && outcome.step.on === 'host' ? outcome.step : undefined;

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return [text.slice(0, at), text.slice(at + 1)];
}
