import { Quantity } from '../../../cel/quantity.ts';
import type { Index } from '../../follow.ts';
import { isObject } from '../../object.ts';
import type { KubeObject } from '../../object.ts';

export interface Quota {
  readonly name: string;
  /** By name of what is counted. */
  readonly hard: ReadonlyMap<string, bigint>;
}

/** The quotas of each namespace: most have none, and a write there should not have to look. */
export class QuotaIndex implements Index {
  readonly #byNamespace = new Map<string, Map<string, Quota>>();

  clear(): void {
    this.#byNamespace.clear();
  }

  observe(current: KubeObject | undefined, previous: KubeObject | undefined): void {
    const { name = '', namespace = '' } = (current ?? previous)?.metadata ?? {};
    const quotas = this.#byNamespace.get(namespace) ?? new Map<string, Quota>();
    if (current) quotas.set(name, { name, hard: hardOf(current) });
    else quotas.delete(name);
    if (quotas.size > 0) this.#byNamespace.set(namespace, quotas);
    else this.#byNamespace.delete(namespace);
  }

  /** In the order of their names. */
  of(namespace: string): readonly Quota[] {
    const quotas = this.#byNamespace.get(namespace);
    return quotas ? [...quotas.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1)) : [];
  }
}

function hardOf({ spec }: KubeObject): ReadonlyMap<string, bigint> {
  const hard = spec?.['hard'];
  const limits = Object.entries(isObject(hard) ? hard : {}).flatMap(([name, given]): [string, bigint][] => {
    const limit = typeof given === 'string' ? Quantity.parse(given) : undefined;
    return limit?.isInteger ? [[name, limit.asInteger()]] : [];
  });
  return new Map(limits);
}
