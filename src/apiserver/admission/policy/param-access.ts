/**
 * A policy makes the server read its parameters and tell of them in messages: who writes one, or binds one, must be
 * allowed to read them. https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/#parameter-resources
 */
import type { Store } from '../../../store/index.ts';
import { evaluate } from '../../authz/evaluate.ts';
import type { Policy as AccessPolicy } from '../../authz/policy.ts';
import { decodeEntry } from '../../codec.ts';
import { fieldError, invalid } from '../../errors.ts';
import { equalJson } from '../../../values/equal.ts';
import type { KubeObject } from '../../object.ts';
import type { Registry } from '../../registry.ts';
import { keyPrefix } from '../../resource.ts';
import type { AdmissionRequest } from '../request.ts';
import { ADMISSION_GROUP } from '../spec.ts';
import type { BindingSpec, ParamKind, PolicySpec } from '../spec.ts';

interface Parts {
  readonly store: Pick<Store, 'get'>;
  readonly registry: Registry;
  readonly access: AccessPolicy;
}

/** Throws 422 at the field that lets parameters be read. */
export function requireParamAccess(request: AdmissionRequest, parts: Parts): void {
  const { object, old, resource } = request;
  if (!object) return;
  const fault =
    resource.kind === 'ValidatingAdmissionPolicy'
      ? policyFault(request, specOf(object), old && specOf(old), parts)
      : resource.kind === 'ValidatingAdmissionPolicyBinding'
        ? bindingFault(request, specOf(object), old && specOf(old), parts)
        : undefined;
  if (!fault) return;
  throw invalid(resource.group, resource.kind, request.name, [fieldError.forbidden(fault.field, fault.why)]);
}

const specOf = ({ spec }: KubeObject): PolicySpec & BindingSpec => spec ?? {};

interface Fault {
  readonly field: string;
  readonly why: string;
}

function policyFault(
  { writer }: AdmissionRequest,
  { paramKind }: PolicySpec,
  old: PolicySpec | undefined,
  parts: Parts,
): Fault | undefined {
  if (!paramKind || equalJson(paramKind, old?.paramKind)) return undefined;
  const wanted = { verb: 'get', ...resourceOf(paramKind, parts.registry), name: '*', namespace: '*' };
  if (evaluate(parts.access, writer.user, wanted).allowed) return undefined;
  const { kind, apiVersion } = paramKind;
  return {
    field: 'spec.paramKind',
    why:
      `user ${writer.user.name} must have "get" permission on all objects of the referenced paramKind ` +
      `(kind=${kind}, apiVersion=${apiVersion})`,
  };
}

function bindingFault(
  { writer }: AdmissionRequest,
  { paramRef, policyName = '' }: BindingSpec,
  old: BindingSpec | undefined,
  { store, registry, access }: Parts,
): Fault | undefined {
  const unchanged = equalJson(paramRef, old?.paramRef) && policyName === old?.policyName;
  if (!paramRef || unchanged) return undefined;
  const entry = store.get(keyPrefix(POLICIES) + policyName);
  const paramKind = entry && specOf(decodeEntry(entry)).paramKind;
  const { name, namespace } = paramRef;
  const verb = name ? 'get' : 'list';
  const wanted = {
    verb,
    ...resourceOf(paramKind, registry),
    ...(name && { name }),
    ...(namespace && { namespace }),
  };
  if (evaluate(access, writer.user, wanted).allowed) return undefined;
  const why = entry
    ? `user ${writer.user.name} does not have "${verb}" permission on the object referenced by paramRef`
    : `unable to get policy ${policyName} to determine minimum required permissions and user ${writer.user.name} ` +
      `does not have "${verb}" permission for all groups, versions and resources`;
  return { field: 'spec.paramRef', why };
}

const POLICIES = { group: ADMISSION_GROUP, plural: 'validatingadmissionpolicies' };

/** Of a kind that is not there, everything must be allowed: it may come to be anything. */
function resourceOf(
  paramKind: ParamKind | undefined,
  registry: Registry,
): { group: string; resource: string } {
  const { apiVersion = '', kind = '' } = paramKind ?? {};
  if (apiVersion === '') return { group: '*', resource: '*' };
  const [, group = ''] = apiVersion.split('/').toReversed();
  const found = registry.findKind(apiVersion, kind);
  return { group, resource: found?.plural ?? '*' };
}
