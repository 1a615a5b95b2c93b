/** The objects that parameterize a policy: CollectParams of k8s.io/apiserver's generic policy plugin. */
import type { Registry } from '../../registry.ts';
import type { ParamObjects } from './param-objects.ts';
import type { ParamKind, ParamRef } from '../spec.ts';

/** The policy itself cannot be put into effect; other faults are those of a binding. */
export class UnknownParamKind extends Error {
  override readonly name = 'UnknownParamKind';

  constructor({ apiVersion, kind }: ParamKind) {
    super(`failed to find resource referenced by paramKind: '${apiVersion}, Kind=${kind}'`);
  }
}

interface Holding {
  readonly params: ParamObjects;
  readonly registry: Registry;
}

/**
 * What `params` is in each evaluation; with none at all nothing is evaluated. Throws
 * when the policy or the binding does not make sense here.
 */
export function collectParams(
  { params, registry }: Holding,
  paramKind: ParamKind | undefined,
  paramRef: ParamRef | undefined,
  namespace: string | undefined,
): readonly unknown[] {
  if (!paramKind) return [null];
  const { apiVersion = '', kind = '' } = paramKind;
  const resource = registry.findKind(apiVersion, kind);
  if (!resource || resource.apiVersion !== apiVersion) throw new UnknownParamKind(paramKind);
  if (!paramRef) return [null];
  if (paramRef.namespace && !resource.namespaced) {
    throw new Error('paramRef.namespace must not be provided for a cluster-scoped `paramKind`');
  }
  const from = resource.namespaced ? paramRef.namespace || namespace : undefined;
  if (resource.namespaced && !from) {
    throw new Error('cannot use namespaced paramRef in policy binding that matches cluster-scoped resources');
  }
  const { name, selector = {}, parameterNotFoundAction } = paramRef;
  const found = name ? params.named(resource, from, name) : params.selected(resource, from, selector);
  if (found.length === 0 && parameterNotFoundAction === 'Deny') {
    throw new Error('no params found for policy binding with `Deny` parameterNotFoundAction');
  }
  return found;
}
