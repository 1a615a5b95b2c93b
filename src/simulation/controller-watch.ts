import type { ApiStore } from './api-store.ts';
import { InvariantBroken } from './invariant.ts';
import type { Process, Scheduler } from './scheduler.ts';

/** More often than that, within so long, nobody repeats what the API server has just refused. */
const REFUSALS = 20;
const WITHIN_MS = 2_000;

/** Looks at what controllers ask of the API: who may not act, acts not; and no refusal is answered with haste. */
export class ControllerWatch {
  readonly #store: ApiStore;
  readonly #scheduler: Scheduler;
  readonly #onBroken: (broken: InvariantBroken) => void;
  readonly #epochs = new Map<number, string>();
  readonly #refusals = new Map<string, number[]>();
  /** Process and agent → the how-manieth start of the agent that the process has heard of. */
  readonly #lives = new Map<string, number>();

  constructor(store: ApiStore, scheduler: Scheduler, onBroken: (broken: InvariantBroken) => void) {
    this.#store = store;
    this.#scheduler = scheduler;
    this.#onBroken = onBroken;
  }

  /** Told of every leadership that begins. */
  leads(process: Process, epoch: number): void {
    const other = this.#epochs.get(epoch);
    if (other !== undefined)
      this.#onBroken(
        new InvariantBroken(
          'every leadership has an epoch of its own',
          `${epoch} of ${other} and ${process.name}`,
        ),
      );
    this.#epochs.set(epoch, process.name);
  }

  /** Told of every publication that a replica takes for what a host is like now. */
  believes(process: Process, agentUid: string, incarnation: string): void {
    const key = `${process.name} ${agentUid}`;
    const life = Number(incarnation.split('.')[0]);
    const known = this.#lives.get(key) ?? 0;
    if (process.alive && life < known)
      this.#onBroken(
        new InvariantBroken('what an earlier life told is not believed', `${key}: ${life} < ${known}`),
      );
    this.#lives.set(key, life);
  }

  /** A replica that is started anew has heard of nothing. */
  forgets(process: Process): void {
    for (const key of this.#lives.keys()) if (key.startsWith(`${process.name} `)) this.#lives.delete(key);
  }

  /** Told of every request that makes, changes or removes an object of ours, at the moment when it is sent. */
  sends(process: Process, what: string): void {
    const lease = this.#store.find('leases', { namespace: 'purlin-system', name: 'purlin-controller' });
    const { holderIdentity } = (lease?.spec ?? {}) as { holderIdentity?: string };
    if (holderIdentity !== undefined && holderIdentity !== '' && holderIdentity !== process.name)
      this.#onBroken(new InvariantBroken('only the leader writes', `${process.name} sends ${what}`));
  }

  /** Told of every request that was refused. */
  refused(process: Process, what: string): void {
    const key = `${process.name} ${what}`;
    const now = this.#scheduler.nowMs;
    const recent = (this.#refusals.get(key) ?? []).filter((atMs) => now - atMs < WITHIN_MS);
    recent.push(now);
    this.#refusals.set(key, recent);
    if (recent.length > REFUSALS)
      this.#onBroken(new InvariantBroken('a refusal is not answered with haste', key));
  }
}
