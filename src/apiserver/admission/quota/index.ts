import { Quantity } from '../../../cel/quantity.ts';
import { ByNamespace, byName } from '../../by-namespace.ts';
import { isObject } from '../../object.ts';
import type { KubeObject } from '../../object.ts';

export interface Quota {
  readonly name: string;
  /** By name of what is counted. */
  readonly hard: ReadonlyMap<string, bigint>;
}

/** The quotas of each namespace: most have none, and a write there should not have to look. */
export class QuotaIndex extends ByNamespace<Quota['hard']> {
  constructor() {
    super(hardOf);
  }

  /** In the order of their names. */
  of(namespace: string): readonly Quota[] {
    return [...this.in(namespace)].toSorted(byName).map(([name, hard]) => ({ name, hard }));
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
