/** Whether there is room for one more object: k8s.io/apiserver/pkg/admission/plugin/resourcequota. */
import type { Store } from '../../../store/index.ts';
import { keyPrefix } from '../../resource.ts';
import { notAdmitted } from '../request.ts';
import type { AdmissionRequest } from '../request.ts';
import { integerQuantity, namesOf } from './count.ts';
import type { Quota } from './index.ts';

/**
 * Throws 403 when a quota of the namespace leaves no room for what is created. Objects are counted in the store at
 * this moment: called in the turn of a commit, it is exact however many write at the same time.
 */
export function checkQuotas(
  store: Pick<Store, 'count'>,
  quotas: { of(namespace: string): readonly Quota[] },
  request: AdmissionRequest,
): void {
  const { operation, resource, subresource, namespace } = request;
  if (operation !== 'CREATE' || subresource !== undefined || !resource.namespaced || !namespace) return;
  const here = quotas.of(namespace);
  if (here.length === 0) return;
  const names = namesOf(resource).toSorted();
  const counting = here.filter(({ hard }) => names.some((name) => hard.has(name)));
  if (counting.length === 0) return;
  const used = BigInt(store.count(keyPrefix(resource, namespace)));
  for (const { name: quota, hard } of counting) {
    const exceeded = names.flatMap((name): [string, bigint][] => {
      const limit = hard.get(name);
      return limit !== undefined && used + 1n > limit ? [[name, limit]] : [];
    });
    if (exceeded.length > 0) throw notAdmitted(request, describe(quota, exceeded, used));
  }
}

function describe(quota: string, exceeded: readonly [name: string, limit: bigint][], used: bigint): string {
  const list = (amount: (limit: bigint) => bigint): string =>
    exceeded.map(([name, limit]) => `${name}=${integerQuantity(amount(limit))}`).join(',');
  return (
    `exceeded quota: ${quota}, requested: ${list(() => 1n)}, ` +
    `used: ${list(() => used)}, limited: ${list((limit) => limit)}`
  );
}
