/** Tells in the status of each ResourceQuota how much of it is used. What is let in does not depend on it. */
import { countedBy, integerQuantity } from '../admission/quota/count.ts';
import { decodeEntry } from '../codec.ts';
import type { ApiContext } from '../context.ts';
import { isObject } from '../object.ts';
import type { JsonObject, KubeObject } from '../object.ts';
import { keyPrefix } from '../resource.ts';
import { mutateObject } from '../write/mutate.ts';
import { WorkQueue } from './work-queue.ts';

export class QuotaController {
  readonly #context: ApiContext;
  readonly #queue: WorkQueue;
  /** Keys of the quotas, by namespace. */
  readonly #quotas = new Map<string, Set<string>>();

  constructor(context: ApiContext) {
    this.#context = context;
    this.#queue = new WorkQueue((key) => this.#count(key), context.logger);
  }

  close(): Promise<void> {
    return this.#queue.close();
  }

  /** Hears of every change of every object, in order. */
  observe(key: string, current: KubeObject | undefined, previous: KubeObject | undefined): void {
    const object = current ?? previous;
    const { namespace = '' } = object?.metadata ?? {};
    if (object?.kind === 'ResourceQuota' && object.apiVersion === 'v1') this.#follow(key, namespace, current);
    // What is counted may be defined only now, or no longer.
    if (object?.kind === 'CustomResourceDefinition') {
      for (const keys of this.#quotas.values()) for (const quota of keys) this.#queue.add(quota);
    } else if (!current || !previous) {
      for (const quota of this.#quotas.get(namespace) ?? []) this.#queue.add(quota);
    }
  }

  #follow(key: string, namespace: string, current: KubeObject | undefined): void {
    const keys = this.#quotas.get(namespace) ?? new Set<string>();
    this.#quotas.set(namespace, keys);
    if (current) {
      keys.add(key);
      this.#queue.add(key);
    } else keys.delete(key);
    if (keys.size === 0) this.#quotas.delete(namespace);
  }

  async #count(key: string): Promise<void> {
    const entry = this.#context.store.get(key);
    if (!entry) return;
    const { metadata } = decodeEntry(entry);
    await mutateObject(this.#context, key, metadata.uid, (quota) => {
      const hard = quota.spec?.['hard'];
      quota.status = isObject(hard) ? { hard, used: this.#used(hard, metadata.namespace ?? '') } : {};
    });
  }

  #used(hard: JsonObject, namespace: string): JsonObject {
    const used: JsonObject = {};
    for (const name of Object.keys(hard)) {
      const counted = countedBy(name, this.#context.registry);
      if (counted === 'nothing') used[name] = '0';
      else if (counted) {
        used[name] = integerQuantity(BigInt(this.#context.store.count(keyPrefix(counted, namespace))));
      }
    }
    return used;
  }
}
