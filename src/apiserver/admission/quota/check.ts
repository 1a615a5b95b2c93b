/** Whether there is room for one more object: k8s.io/apiserver/pkg/admission/plugin/resourcequota. */
import type { Store } from '../../../store/index.ts';
import { Quantity } from '../../../cel/quantity.ts';
import { decodeEntry } from '../../codec.ts';
import { isObject } from '../../object.ts';
import type { KubeObject } from '../../object.ts';
import { keyPrefix } from '../../resource.ts';
import { notAdmitted } from '../request.ts';
import type { AdmissionRequest } from '../request.ts';
import { integerQuantity, namesOf } from './count.ts';

type Counted = Pick<Store, 'list' | 'count'>;

const QUOTAS = { group: '', plural: 'resourcequotas' };

/**
 * Throws 403 when a quota of the namespace leaves no room for what is created. Quotas and objects are those of the
 * store at this moment: called in the turn of a commit, it is exact however many write at the same time.
 */
export function checkQuotas(store: Counted, request: AdmissionRequest): void {
  const { operation, resource, subresource, namespace } = request;
  if (operation !== 'CREATE' || subresource !== undefined || !resource.namespaced || !namespace) return;
  const { entries } = store.list(keyPrefix(QUOTAS, namespace));
  if (entries.length === 0) return;
  const used = BigInt(store.count(keyPrefix(resource, namespace)));
  const names = namesOf(resource);
  for (const entry of entries) {
    const quota = decodeEntry(entry);
    const exceeded = exceededNames(quota, names, used);
    if (exceeded.length === 0) continue;
    const list = (amount: (hard: bigint) => bigint): string =>
      exceeded.map(([name, hard]) => `${name}=${integerQuantity(amount(hard))}`).join(',');
    const why =
      `exceeded quota: ${quota.metadata.name}, requested: ${list(() => 1n)}, ` +
      `used: ${list(() => used)}, limited: ${list((hard) => hard)}`;
    throw notAdmitted(request, why);
  }
}

/** The names in order, each with its limit, that one more object would go beyond. */
function exceededNames(quota: KubeObject, names: readonly string[], used: bigint): [string, bigint][] {
  const hard = quota.spec?.['hard'];
  if (!isObject(hard)) return [];
  return names.toSorted().flatMap((name): [string, bigint][] => {
    const given = hard[name];
    const limit = typeof given === 'string' ? Quantity.parse(given) : undefined;
    return limit && used + 1n > limit.asInteger() ? [[name, limit.asInteger()]] : [];
  });
}
