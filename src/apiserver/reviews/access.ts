/** The questions of authorization.k8s.io/v1: may I, may they, and what may I do here. */
import type { User } from '../authn/user.ts';
import type { Attributes } from '../authz/attributes.ts';
import { evaluate, rulesFor } from '../authz/evaluate.ts';
import type { Policy } from '../authz/policy.ts';
import { badRequest, fieldError, invalid } from '../errors.ts';
import type { FieldError } from '../errors.ts';
import type { KubeObject } from '../object.ts';
import type { Review, Reviewer } from '../resource.ts';

export const AUTHORIZATION_GROUP = 'authorization.k8s.io';

interface AccessSpec {
  resourceAttributes?: {
    verb?: string;
    group?: string;
    resource?: string;
    subresource?: string;
    namespace?: string;
    name?: string;
  };
  nonResourceAttributes?: { path?: string; verb?: string };
}

interface SubjectSpec extends AccessSpec {
  user?: string;
  groups?: string[];
  uid?: string;
  extra?: Record<string, string[]>;
}

export const selfSubjectAccessReview =
  (policy: Policy): Reviewer =>
  ({ object, user }) => {
    const spec = (object.spec ?? {}) as AccessSpec;
    refuse(object, attributeErrors(spec));
    return answered(object, policy, user, spec);
  };

export const subjectAccessReview =
  (policy: Policy): Reviewer =>
  ({ object }) => {
    const spec = (object.spec ?? {}) as SubjectSpec;
    refuse(object, [...attributeErrors(spec), ...subjectErrors(spec)]);
    return answered(object, policy, subjectOf(spec), spec);
  };

export const localSubjectAccessReview =
  (policy: Policy): Reviewer =>
  ({ object, namespace }) => {
    const spec = (object.spec ?? {}) as SubjectSpec;
    refuse(object, [...attributeErrors(spec), ...subjectErrors(spec), ...localErrors(spec, namespace)]);
    return answered(object, policy, subjectOf(spec), spec);
  };

export const selfSubjectRulesReview =
  (policy: Policy): Reviewer =>
  ({ object, user }: Review) => {
    const namespace = object.spec?.['namespace'];
    if (typeof namespace !== 'string' || !namespace) throw badRequest('no namespace on request');
    const { rules, error } = rulesFor(policy, user, namespace);
    return {
      ...object,
      status: {
        resourceRules: rules
          .filter(({ resources }) => resources?.length)
          .map(({ verbs, apiGroups, resources, resourceNames }) => ({
            verbs,
            apiGroups,
            resources,
            ...(resourceNames && { resourceNames }),
          })),
        nonResourceRules: rules
          .filter(({ nonResourceURLs }) => nonResourceURLs?.length)
          .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
        incomplete: false,
        ...(error && { evaluationError: error }),
      },
    } as unknown as KubeObject;
  };

function answered(object: KubeObject, policy: Policy, user: User, spec: AccessSpec): KubeObject {
  const { allowed, reason } = evaluate(policy, user, attributesOf(spec));
  return { ...object, status: { allowed, ...(reason && { reason }) } };
}

function attributesOf({ resourceAttributes, nonResourceAttributes }: AccessSpec): Attributes {
  if (nonResourceAttributes) {
    const { path = '', verb = '' } = nonResourceAttributes;
    return { path, verb };
  }
  const { verb = '', group = '', resource = '', subresource, namespace, name } = resourceAttributes ?? {};
  return {
    verb,
    group,
    resource,
    ...(subresource && { subresource }),
    ...(namespace && { namespace }),
    ...(name && { name }),
  };
}

const subjectOf = ({ user = '', groups = [], uid, extra }: SubjectSpec): User => ({
  name: user,
  groups,
  ...(uid && { uid }),
  ...(extra && { extra }),
});

function attributeErrors({ resourceAttributes, nonResourceAttributes }: AccessSpec): FieldError[] {
  if (resourceAttributes && nonResourceAttributes) {
    const why = 'cannot be specified in combination with resourceAttributes';
    return [fieldError.invalid('spec.nonResourceAttributes', nonResourceAttributes, why)];
  }
  if (resourceAttributes || nonResourceAttributes) return [];
  const why = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
  return [fieldError.invalid('spec.resourceAttributes', null, why)];
}

function subjectErrors({ user, groups }: SubjectSpec): FieldError[] {
  if (user || groups?.length) return [];
  return [fieldError.invalid('spec.user', '', 'at least one of user or group must be specified')];
}

function localErrors(spec: SubjectSpec, namespace: string | undefined): FieldError[] {
  const { resourceAttributes, nonResourceAttributes } = spec;
  const errors: FieldError[] = [];
  if (resourceAttributes && resourceAttributes.namespace !== namespace) {
    const given = resourceAttributes.namespace ?? '';
    errors.push(
      fieldError.invalid('spec.resourceAttributes.namespace', given, 'must match metadata.namespace'),
    );
  }
  if (nonResourceAttributes) {
    const why = 'disallowed on this kind of request';
    errors.push(fieldError.invalid('spec.nonResourceAttributes', nonResourceAttributes, why));
  }
  return errors;
}

function refuse({ kind }: KubeObject, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid(AUTHORIZATION_GROUP, kind, '', errors);
}
