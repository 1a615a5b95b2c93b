import type { HostSnapshot } from '../plan/snapshot.ts';
import type { Mirror, MirroredHost, MirrorListener } from '../queue/observation-mirror.ts';
import type { Publisher } from '../queue/observations.ts';
import {
  applyChange,
  changedUids,
  difference,
  type FieldChange,
  fromFields,
  isEarlier,
  isNoChange,
  type SnapshotContent,
  toFields,
} from '../queue/snapshot-fields.ts';
import type { SimulatedQueue } from './queue.ts';
import type { Process } from './scheduler.ts';

const HEARTBEAT_MS = 5_000;

/** One agent's publications. */
export class SimulatedPublisher implements Publisher {
  readonly #queue: SimulatedQueue;
  readonly #options: { hostName: string; agentUid: string; incarnation: string; process: Process };
  #fields = new Map<string, string>();
  #sequence = 0;

  constructor(
    queue: SimulatedQueue,
    options: { hostName: string; agentUid: string; incarnation: string; process: Process },
  ) {
    this.#queue = queue;
    this.#options = options;
  }

  get sequence(): number {
    return this.#sequence;
  }

  update(content: SnapshotContent): 'changed' | 'same' {
    const fields = toFields(content);
    if (isNoChange(difference(this.#fields, fields))) return 'same';
    this.#fields = fields;
    this.#sequence += 1;
    return 'changed';
  }

  async push(): Promise<void> {
    const { process, agentUid, hostName, incarnation } = this.#options;
    const [sequence, fields] = [this.#sequence, this.#fields];
    await process.step(`publishes ${sequence}`);
    await this.#queue.answers(agentUid);
    const standing = this.#queue.records(agentUid)?.published;
    if (standing?.incarnation === incarnation && standing.sequence >= sequence) return;
    this.#queue.take(agentUid, hostName, { incarnation, sequence, fields });
  }

  /** Begins to give signs of life; what Redis lost is published again. */
  start(): void {
    const { process, agentUid, incarnation } = this.#options;
    const beat = (): void => {
      process.clock.after(HEARTBEAT_MS, beat);
      if (!this.#queue.reaches(agentUid)) return;
      if (!this.#queue.beat(agentUid, { incarnation, sequence: this.#sequence })) void this.push();
    };
    beat();
  }
}

interface Reflection {
  hostName: string;
  agentUid: string;
  alive: boolean;
  certain: boolean;
  snapshot?: HostSnapshot;
  fields?: Map<string, string>;
}

export type OnBelieved = (agentUid: string, incarnation: string) => void;

/** One controller's copy; each change reaches it in a step of its own, and a gap makes the host unknown until it is read whole. */
export class SimulatedMirror implements Mirror {
  readonly #queue: SimulatedQueue;
  readonly #process: Process;
  readonly #reflections = new Map<string, Reflection>();
  readonly #listeners = new Set<MirrorListener>();
  readonly #onBelieved: OnBelieved;

  constructor(queue: SimulatedQueue, process: Process, onBelieved: OnBelieved) {
    this.#queue = queue;
    this.#process = process;
    this.#onBelieved = onBelieved;
  }

  /** Resolves when every host known to Redis has been read. */
  async connect(): Promise<void> {
    await this.#process.step('reads what the hosts published');
    for (const agentUid of this.#queue.agentUids()) this.#readWhole(agentUid);
    const check = (): void => {
      this.#process.clock.after(2_000, check);
      this.#check();
    };
    check();
  }

  get(hostName: string): HostSnapshot | 'unknown' {
    const found = [...this.#reflections.values()].find((each) => each.hostName === hostName);
    return found?.certain && found.alive && found.snapshot ? found.snapshot : 'unknown';
  }

  hosts(): MirroredHost[] {
    return [...this.#reflections.values()].map(({ hostName, agentUid, alive, snapshot }) => ({
      hostName,
      agentUid,
      alive,
      ...(snapshot && { snapshot }),
    }));
  }

  onChange(listener: MirrorListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Redis is not what it was: nothing is certain until it has been read again. */
  doubtAll(): void {
    for (const reflection of this.#reflections.values()) this.#doubt(reflection);
  }

  /** @param from the sequence that the change continues; nothing when it continues none */
  hear(agentUid: string, from: number | undefined): void {
    this.#process.soon(`hears of host ${this.#queue.records(agentUid)?.hostName ?? agentUid}`, () => {
      const reflection = this.#reflections.get(agentUid);
      if (!reflection?.certain || from === undefined) this.#readWhole(agentUid);
      else this.#follow(reflection);
    });
  }

  #follow(reflection: Reflection): void {
    const published = this.#queue.records(reflection.agentUid)?.published;
    const { snapshot, fields } = reflection;
    if (!published || !snapshot || !fields || published.incarnation !== snapshot.incarnation) {
      this.#readWhole(reflection.agentUid);
      return;
    }
    if (published.sequence <= snapshot.sequence) return;
    const change: FieldChange = difference(fields, published.fields);
    reflection.snapshot = applyChange(snapshot, change, published);
    reflection.fields = published.fields;
    this.#tell(reflection.hostName, changedUids(snapshot, reflection.snapshot, change));
  }

  #readWhole(agentUid: string): void {
    const records = this.#queue.records(agentUid);
    if (!records?.published) return;
    const { hostName, published } = records;
    const before = this.#reflections.get(agentUid);
    if (before?.snapshot && isEarlier(published, before.snapshot)) {
      this.#doubt(before);
      return;
    }
    const { incarnation, sequence, fields } = published;
    this.#onBelieved(agentUid, incarnation);
    this.#reflections.set(agentUid, {
      hostName,
      agentUid,
      alive: this.#queue.isAlive(agentUid),
      certain: true,
      snapshot: fromFields(fields, { incarnation, sequence }),
      fields,
    });
    this.#tell(hostName, 'all');
  }

  #check(): void {
    if (!this.#queue.reachable) return;
    for (const agentUid of this.#queue.agentUids()) {
      const reflection = this.#reflections.get(agentUid);
      if (!reflection?.certain) this.#readWhole(agentUid);
    }
    for (const reflection of this.#reflections.values()) {
      const alive = this.#queue.isAlive(reflection.agentUid);
      if (alive === reflection.alive) continue;
      reflection.alive = alive;
      this.#tell(reflection.hostName, 'all');
    }
  }

  #doubt(reflection: Reflection): void {
    if (!reflection.certain) return;
    reflection.certain = false;
    this.#tell(reflection.hostName, 'all');
  }

  #tell(hostName: string, changed: ReadonlySet<string> | 'all'): void {
    for (const listener of this.#listeners) listener(hostName, changed);
  }
}
