/** The objects that parameterize a policy: CollectParams of k8s.io/apiserver's generic policy plugin. */
import type { Store } from '../../../store/index.ts';
import { selects } from '../../authz/label-selector.ts';
import { readEntry } from '../../codec.ts';
import type { KubeObject } from '../../object.ts';
import type { Registry } from '../../registry.ts';
import { keyOf, keyPrefix } from '../../resource.ts';
import type { ParamKind, ParamRef } from '../spec.ts';

/** The policy itself cannot be put into effect; other faults are those of a binding. */
export class UnknownParamKind extends Error {
  override readonly name = 'UnknownParamKind';

  constructor({ apiVersion, kind }: ParamKind) {
    super(`failed to find resource referenced by paramKind: '${apiVersion}, Kind=${kind}'`);
  }
}

interface Holding {
  readonly store: Pick<Store, 'get' | 'list'>;
  readonly registry: Registry;
}

/**
 * One set for each evaluation; `undefined` is evaluated with `params` null, and with none at all nothing is. Throws
 * when the policy or the binding does not make sense here.
 */
export function collectParams(
  { store, registry }: Holding,
  paramKind: ParamKind | undefined,
  paramRef: ParamRef | undefined,
  namespace: string | undefined,
): readonly (KubeObject | undefined)[] {
  if (!paramKind) return [undefined];
  const { apiVersion = '', kind = '' } = paramKind;
  const resource = registry.findKind(apiVersion, kind);
  if (!resource || resource.apiVersion !== apiVersion) throw new UnknownParamKind(paramKind);
  if (!paramRef) return [undefined];
  if (paramRef.namespace && !resource.namespaced) {
    throw new Error('paramRef.namespace must not be provided for a cluster-scoped `paramKind`');
  }
  const from = resource.namespaced ? paramRef.namespace || namespace : undefined;
  if (resource.namespaced && !from) {
    throw new Error('cannot use namespaced paramRef in policy binding that matches cluster-scoped resources');
  }
  const { name, selector = {}, parameterNotFoundAction } = paramRef;
  const entry = name ? store.get(keyOf(resource, from, name)) : undefined;
  const entries = name ? (entry ? [entry] : []) : store.list(keyPrefix(resource, from)).entries;
  const params = entries
    .map((one) => readEntry(one, resource))
    .filter(({ metadata }) => name || selects(selector, metadata.labels ?? {}));
  if (params.length === 0 && parameterNotFoundAction === 'Deny') {
    throw new Error('no params found for policy binding with `Deny` parameterNotFoundAction');
  }
  return params;
}
