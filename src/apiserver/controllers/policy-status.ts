import type { ApiContext } from '../context.ts';
import type { KubeObject } from '../object.ts';
import { mutateObject } from '../write/mutate.ts';
import { WorkQueue } from './work-queue.ts';

/** Tells that a policy's expressions were checked: which they are before it is stored, so that nothing is left to warn of. */
export class PolicyStatus {
  readonly #queue: WorkQueue;
  readonly #uids = new Map<string, string | undefined>();

  constructor(context: ApiContext) {
    this.#queue = new WorkQueue(async (key) => {
      await mutateObject(context, key, this.#uids.get(key), (policy) => {
        const observedGeneration = policy.metadata.generation ?? 1;
        policy.status = { ...policy.status, observedGeneration, typeChecking: {} };
      });
    }, context.logger);
  }

  close(): Promise<void> {
    return this.#queue.close();
  }

  /** Hears of every change of every object, in order. */
  observe(key: string, current: KubeObject | undefined, previous: KubeObject | undefined): void {
    if ((current ?? previous)?.kind !== 'ValidatingAdmissionPolicy') return;
    if (!current) return void this.#uids.delete(key);
    this.#uids.set(key, current.metadata.uid);
    if (current.status?.['observedGeneration'] !== current.metadata.generation) this.#queue.add(key);
  }
}
