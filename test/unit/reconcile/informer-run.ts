import { pino } from 'pino';
import { Informer } from '../../../src/reconcile/informer.ts';
import { keyOf, type Resource } from '../../../src/resources/metadata.ts';
import { settled } from '../../../src/simulation/scheduler.ts';
import { DisturbedCollection, disks, type Failure } from './disturbed-collection.ts';
import { HandClock } from '../../support/hand-clock.ts';
import { InformerWitness } from './informer-witness.ts';

export interface Name {
  namespace: string;
  name: string;
}

/** When the answer to a request that does not come from the informer reaches its cache. */
export type Noted = 'never' | 'at once' | 'late';

export type Step =
  | { step: 'write'; verb: 'create' | 'update' | 'delete' | 'replace'; of: Name; noted: Noted }
  | { step: 'read'; of: Name; noted: Noted }
  | { step: 'write of another kind' }
  | { step: 'a late answer arrives'; which: number }
  /** A list is answered with the state of some revisions ago, a watch brings some events. */
  | { step: 'the server answers'; behind: number; count: number }
  | { step: 'the request fails'; failure: Failure }
  | { step: 'a bookmark arrives' }
  | { step: 'the watch expires'; told: 'as an event' | 'as an answer' }
  | { step: 'the watch ends' }
  | { step: 'history is compacted' }
  | { step: 'time passes'; durationMs: number };

/** One informer, its server and all that is wrong between them. */
export class InformerRun {
  readonly #clock = new HandClock();
  readonly #server: DisturbedCollection;
  readonly #witness = new InformerWitness();
  readonly #informer: Informer;
  /** Answers that are still on their way. */
  readonly #late: (() => void)[] = [];
  readonly #violations: string[] = [];
  /** Up to which revision the informer had been told everything when it last was at rest. */
  #known = 0;

  constructor(startRevision: number) {
    this.#server = new DisturbedCollection(startRevision);
    this.#informer = new Informer(
      { client: this.#server, clock: this.#clock, logger: pino({ level: 'silent' }) },
      disks,
      (object, before, deleted) => {
        this.#witness.listener(object, before, deleted);
        this.#expectTrueSince(keyOf(object), this.#known);
      },
    );
  }

  async start(): Promise<void> {
    this.#informer.start();
    await settled();
  }

  async perform(step: Step): Promise<void> {
    await this.#perform(step);
    await settled();
    this.#witness.compare(this.#informer.cache);
    this.#known = this.#server.told;
    const listed = this.#server.states[this.#known] ?? [];
    const keys = new Set([...listed, ...this.#informer.cache.list()].map(keyOf));
    for (const key of keys) this.#expectTrueSince(key, this.#known);
  }

  /** Nothing is wrong any more: after few steps the cache is what the server has. */
  async calm(): Promise<void> {
    for (let turn = 0; turn < 20 && !this.#atRest(); turn += 1) {
      for (const arrive of this.#late.splice(0)) arrive();
      await this.perform({ step: 'the server answers', behind: 0, count: Infinity });
      if (!this.#atRest()) await this.perform({ step: 'time passes', durationMs: 5_000 });
    }
    const told = this.#informer.cache.list();
    const present = this.#server.store.all(disks.plural);
    for (const object of present)
      if (!told.includes(object)) this.#violations.push(`${keyOf(object)} is missing at rest`);
    for (const object of told)
      if (!present.includes(object)) this.#violations.push(`${keyOf(object)} is left at rest`);
    await this.stop();
    this.#expectNoHaste();
  }

  /** Needs nothing but the answer to a list that was asked for, and no time. */
  async stop(): Promise<void> {
    const { requests } = this.#server;
    let stopped = false;
    void this.#informer.stop().then(() => {
      stopped = true;
    });
    this.#server.answer({ behind: 0, count: 1 });
    await settled();
    if (!stopped) this.#violations.push('it does not stop');
    if (this.#server.requests > requests) this.#violations.push('it goes on although it is stopped');
    if (this.#clock.waiting > 0) this.#violations.push('stopping leaves a timer');
  }

  get violations(): string[] {
    return [...this.#violations, ...this.#server.violations, ...this.#witness.violations];
  }

  #atRest(): boolean {
    return this.#late.length === 0 && this.#server.upToDate;
  }

  async #perform(step: Step): Promise<void> {
    const server = this.#server;
    switch (step.step) {
      case 'write':
        return this.#write(step.verb, step.of, step.noted);
      case 'read': {
        const found = server.store.find(disks.plural, step.of);
        if (found) this.#note(step.noted, found);
        return;
      }
      case 'write of another kind':
        return server.changeAnotherKind();
      case 'a late answer arrives':
        return this.#late.splice(step.which % Math.max(1, this.#late.length), 1)[0]?.();
      case 'the server answers':
        return server.answer(step);
      case 'the request fails':
        return server.fail(step.failure);
      case 'a bookmark arrives':
        return server.sendBookmark();
      case 'the watch expires':
        return server.expire(step.told);
      case 'the watch ends':
        return server.endStream();
      case 'history is compacted':
        return server.store.compact();
      case 'time passes':
        return this.#clock.pass(step.durationMs);
    }
  }

  #write(verb: 'create' | 'update' | 'delete' | 'replace', of: Name, noted: Noted): void {
    const { store } = this.#server;
    const present = store.find(disks.plural, of);
    if (present && (verb === 'delete' || verb === 'replace')) {
      store.delete(disks, of);
      this.#noteGone(noted, present);
    }
    if (present && verb === 'update') {
      this.#note(noted, store.patch(disks, of, { spec: { revision: store.revision } }));
    }
    if (verb === 'replace' || (verb === 'create' && !present)) {
      this.#note(noted, store.create(disks, of.namespace, { metadata: { name: of.name } }));
    }
  }

  #note(noted: Noted, object: Resource): void {
    this.#answer(noted, () => this.#informer.put(object));
  }

  /** As when a request is answered with 404. */
  #noteGone(noted: Noted, object: Resource): void {
    this.#answer(noted, () => this.#informer.forget(object.metadata.uid));
  }

  #answer(noted: Noted, arrive: () => void): void {
    if (noted === 'at once') arrive();
    if (noted === 'late') this.#late.push(arrive);
  }

  /** What the cache has of a name was so at that revision, or became so later: it never goes back. */
  #expectTrueSince(key: string, revision: number): void {
    const cached = this.#informer.cache.get(key);
    const wasTrue = this.#server.states
      .slice(revision)
      .some((state) => state.find((object) => keyOf(object) === key) === cached);
    if (!wasTrue) {
      const { resourceVersion } = cached?.metadata ?? { resourceVersion: 'nothing' };
      this.#violations.push(`${key} went back to ${resourceVersion}, although ${revision} was known`);
    }
  }

  /** A fault costs one list and one watch at most, and never more than a few a second. */
  #expectNoHaste(): void {
    const { requests, faults } = this.#server;
    const elapsedMs = this.#clock.monotonicMs();
    if (requests > 2 * (1 + faults)) this.#violations.push(`${requests} requests for ${faults} faults`);
    if (requests > 2 * (1 + elapsedMs / 100))
      this.#violations.push(`${requests} requests within ${elapsedMs} ms`);
  }
}
