import type { ApiAction } from '../plan/api-actions.ts';
import type { KindDefinition, Watch } from '../plan/kind.ts';
import type { HostActionName } from '../plan/actions.ts';
import { type ApiStep, type HostStep, type Outcome, waiting } from '../plan/outcome.ts';
import type { HostSnapshot } from '../plan/snapshot.ts';
import type { Resource } from '../resources/metadata.ts';
import { keyOf } from '../resources/metadata.ts';
import { equalJson } from '../values/equal.ts';
import type { Logger } from '../telemetry/logger.ts';
import { performApiAction } from './api-actions.ts';
import type { Clock } from '../clock/clock.ts';
import { type Api, isNotFound } from './api.ts';
import type { Dispatcher } from './dispatch.ts';
import type { EventRecorder } from './events.ts';
import type { Informers } from './informers.ts';
import { noteOf, reportStatus } from './report.ts';
import { WorkQueue } from './work-queue.ts';

export interface ControllerParts {
  kinds: readonly KindDefinition[];
  client: Api;
  clock: Clock;
  informers: Informers;
  dispatcher: Dispatcher;
  events: EventRecorder;
  /** The snapshot to plan from, only when its agent obeys this leader. */
  snapshotOf: (hostName: string) => HostSnapshot | 'unknown';
  /** False once another leader may act: then nothing is begun any more. */
  mayAct: () => boolean;
  /** What has to happen before any step but adoption is taken, in words for a condition; nothing when it has. */
  waitsFor: () => string | undefined;
  logger: Logger;
}

/** Nothing of these may happen on the word of a cache alone. */
const DESTRUCTIVE: ReadonlySet<HostActionName | ApiAction['name']> = new Set<
  HostActionName | ApiAction['name']
>([
  'api.deleteChild',
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

/** What one look at an object found out. */
interface Pass {
  definition: KindDefinition;
  object: Resource;
  input: unknown;
  outcome: Outcome & { type: 'act' };
}

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
    this.#queue = new WorkQueue(CONCURRENCY, (item) => this.#process(item), parts.clock);
  }

  /** Objects waiting or in work. */
  get depth(): number {
    return this.#queue.depth;
  }

  async close(): Promise<void> {
    await this.#queue.close();
    await this.#parts.events.flush();
  }

  /** Everything is looked at: at the start, and when a host becomes known or unknown. */
  enqueueAll(): void {
    for (const kind of this.#kinds.keys()) {
      for (const object of this.#parts.informers.list(kind)) this.#queue.add(itemOf(kind, keyOf(object)));
    }
  }

  /** Hosts have what the store does not say, and will say when that is written down. */
  get adopts(): boolean {
    const { informers } = this.#parts;
    return [...this.#kinds.values()].some((definition) =>
      informers.list(definition.kind).some((object) => {
        const outcome = definition.plan(definition.gather(object, informers));
        return outcome.type === 'act' && outcome.adopts;
      }),
    );
  }

  /** An object changed: itself and whatever watches it. */
  objectChanged(object: Resource, before: Resource | undefined, deleted: boolean): void {
    const { informers, dispatcher } = this.#parts;
    const concerned = new Set<string>();
    if (this.#kinds.has(object.kind)) concerned.add(itemOf(object.kind, keyOf(object)));
    if (deleted) dispatcher.forget(object.metadata.uid);
    const cameOrWent = deleted || before?.metadata.uid !== object.metadata.uid;
    // What it referred to before may concern others than what it refers to now.
    const versions = before && before !== object ? [object, before] : [object];
    for (const { kind, watches } of this.#kinds.values()) {
      for (const watch of watches) {
        if (watch.kind !== object.kind || !(cameOrWent || mattersTo(watch, object, before))) continue;
        const keys = versions.flatMap((version) => watch.keys(version, informers));
        for (const key of keys) concerned.add(itemOf(kind, key));
      }
    }
    this.#enqueue(concerned);
  }

  /** Parts of some owners changed on a host. */
  hostChanged(hostName: string, changedUids: ReadonlySet<string> | 'all'): void {
    if (changedUids === 'all') {
      this.enqueueAll();
      return;
    }
    const { informers } = this.#parts;
    const concerned = new Set<string>();
    for (const uid of changedUids) {
      const owner = informers.byUid(uid);
      if (owner) concerned.add(itemOf(owner.kind, owner.key));
    }
    for (const definition of this.#kinds.values()) {
      const keys = definition.alsoConcerns?.(changedUids, informers, hostName) ?? [];
      for (const key of keys) concerned.add(itemOf(definition.kind, key));
    }
    this.#enqueue(concerned);
  }

  /** Each once: the first begins at once, and whatever is added while it is in work is looked at again. */
  #enqueue(items: ReadonlySet<string>): void {
    for (const item of items) this.#queue.add(item);
  }

  async #process(item: string): Promise<void> {
    const [kind, key] = splitOnce(item, ':');
    const definition = this.#kinds.get(kind);
    const object = this.#parts.informers.byKey(kind, key);
    if (!definition || !object) {
      this.#errors.delete(item);
      return;
    }
    try {
      const recheckMs = await this.#reconcile(definition, object);
      this.#errors.delete(item);
      if (recheckMs !== undefined) this.#queue.addAfter(item, recheckMs);
    } catch (error) {
      const failures = (this.#errors.get(item) ?? 0) + 1;
      this.#errors.set(item, failures);
      this.#loggerFor(object).error({ err: error }, 'reconciling failed; it is tried again');
      this.#queue.addAfter(item, Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), LAST_RETRY_MS));
    }
  }

  /** Made when there is something to say: most looks find nothing. */
  #loggerFor(object: Resource): Logger {
    return this.#parts.logger.child({ kind: object.kind, object: keyOf(object), uid: object.metadata.uid });
  }

  /** Returns after how long to look again if nothing happens before. */
  async #reconcile(definition: KindDefinition, object: Resource): Promise<number | undefined> {
    const { informers, events, mayAct } = this.#parts;
    // What it knows may be of long ago: neither a step nor a status follows from that.
    if (!mayAct()) return 1_000;
    const input = definition.gather(object, informers);
    const outcome = this.#unlessItMustWait(definition.plan(input));
    if (outcome.type === 'act') {
      const pass = { definition, object, input, outcome };
      const { step } = outcome;
      return step.on === 'api' ? this.#actOnApi(pass, step.action) : this.#actOnHost(pass, step);
    }
    await reportStatus(object, definition.status(input, outcome, undefined), this.#parts);
    if (outcome.type === 'waiting') return outcome.recheckMs;
    if (outcome.type === 'blocked') {
      events.recordState(object, { type: 'Warning', reason: outcome.reason, message: outcome.message });
    }
    return undefined;
  }

  #unlessItMustWait(outcome: Outcome): Outcome {
    const what = outcome.type === 'act' && !outcome.adopts ? this.#parts.waitsFor() : undefined;
    return what === undefined ? outcome : waiting('HostsUnseen', what, 5_000);
  }

  /**
   * Takes a step that the controller takes itself. The status is not written for it: the next plan follows at once,
   * and it is its outcome that people want to read. A step that fails is told in the status like any other.
   */
  async #actOnApi({ definition, object, input, outcome }: Pass, action: ApiAction): Promise<number> {
    this.#loggerFor(object).info({ action: action.name, reason: outcome.reason }, outcome.because);
    try {
      if (DESTRUCTIVE.has(action.name) && !(await this.#confirmed(definition, object, outcome.step)))
        return 200;
      const done = CONTESTED.has(action.name)
        ? await this.#contest(definition, object, action.name)
        : await performApiAction(object, action, this.#parts);
      if (done && action.name !== 'api.addFinalizer') this.#parts.events.recordStep(object, noteOf(outcome));
      return 0;
    } catch (error) {
      if (!this.#parts.mayAct()) throw error;
      const words = error instanceof Error ? error.message : String(error);
      const message = `${outcome.because}, but the API server refuses: ${words}`;
      const status = definition.status(input, outcome, {
        reason: 'ApiWriteFailed',
        message,
        retryable: true,
      });
      await reportStatus(object, status, this.#parts).catch(() => undefined);
      throw error;
    }
  }

  async #actOnHost({ definition, object, input, outcome }: Pass, step: HostStep): Promise<number> {
    const { dispatcher, events } = this.#parts;
    const snapshot = this.#parts.snapshotOf(step.hostName);
    const failure = snapshot === 'unknown' ? undefined : dispatcher.failureOf(object, step, snapshot);
    await reportStatus(object, definition.status(input, outcome, failure), this.#parts);
    if (snapshot === 'unknown') return 1_000;
    if (DESTRUCTIVE.has(step.action.name) && !(await this.#confirmed(definition, object, step))) return 200;
    const dispatch = await dispatcher.dispatch(object, step, snapshot);
    if (dispatch.state === 'sent') {
      const sent = { action: step.action.name, host: step.hostName, reason: outcome.reason };
      this.#loggerFor(object).info(sent, outcome.because);
      events.recordStep(object, noteOf(outcome));
      return 15_000;
    }
    if (failure) {
      events.recordState(object, { type: 'Warning', reason: failure.reason, message: failure.message });
    }
    return dispatch.recheckMs;
  }

  /**
   * Carries the action out if it still follows when every object of the kind is seen as the API server has it. One at a
   * time, and each decision is written before the next is made: two that want the same cannot both find it free.
   * Resolves with whether it was carried out.
   */
  #contest(definition: KindDefinition, object: Resource, action: ApiAction['name']): Promise<boolean> {
    const { client, informers, mayAct } = this.#parts;
    const turn = this.#contests.then(async () => {
      const { items } = await client.list(informers.typeOf(definition.kind));
      for (const item of items) informers.put(item);
      const live = informers.byKey(definition.kind, keyOf(object));
      if (live?.metadata.uid !== object.metadata.uid || !mayAct()) return false;
      const again = this.#unlessItMustWait(definition.plan(definition.gather(live, informers)));
      if (again.type !== 'act' || again.step.on !== 'api' || again.step.action.name !== action) return false;
      return performApiAction(live, again.step.action, this.#parts);
    });
    this.#contests = turn.catch(() => undefined);
    return turn;
  }

  /** The same step follows from the object as the API server has it at this moment, and is still ours to take. */
  async #confirmed(definition: KindDefinition, object: Resource, step: Step): Promise<boolean> {
    const { client, informers, mayAct } = this.#parts;
    try {
      const live = await client.get(informers.typeOf(object.kind), object.metadata);
      informers.put(live);
      if (live.metadata.uid !== object.metadata.uid) return false;
      const again = definition.plan(definition.gather(live, informers));
      return mayAct() && again.type === 'act' && sameTarget(again.step, step);
    } catch (error) {
      if (!isNotFound(error)) throw error;
      informers.forget(object.kind, object.metadata.uid);
      return false;
    }
  }
}

type Step = HostStep | ApiStep;

const hostOf = (step: Step): string => (step.on === 'host' ? step.hostName : '');

const mattersTo = (watch: Watch, object: Resource, before: Resource | undefined): boolean =>
  !watch.reads || !before || !equalJson(watch.reads(before), watch.reads(object));

const itemOf = (kind: string, key: string): string => `${kind}:${key}`;

const sameTarget = (a: Step, b: Step): boolean => hostOf(a) === hostOf(b) && equalJson(a.action, b.action);

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return [text.slice(0, at), text.slice(at + 1)];
}
