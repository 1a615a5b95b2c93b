/** Asks every policy that is in force: k8s.io/apiserver's ValidatingAdmissionPolicy plugin. */
import type { Policy as AccessPolicy } from '../../authz/policy.ts';
import { ApiError } from '../../errors.ts';
import type { KubeObject } from '../../object.ts';
import type { Registry } from '../../registry.ts';
import type { Binding, PolicyInForce } from '../configuration.ts';
import { valuesOf } from '../expressions.ts';
import { matchedResource } from '../match.ts';
import type { Surroundings } from '../match.ts';
import { isNamespace } from '../../resource.ts';
import { annotate, notAdmitted, warn } from '../request.ts';
import type { AdmissionRequest } from '../request.ts';
import { evaluatePolicy } from './evaluate.ts';
import type { Verdict } from './evaluate.ts';
import { TooManyParams } from './param-objects.ts';
import type { ParamObjects } from './param-objects.ts';
import { UnknownParamKind, collectParams } from './params.ts';

export interface PolicyParts {
  readonly params: ParamObjects;
  readonly registry: Registry;
  readonly access: AccessPolicy;
  readonly around: Surroundings;
}

interface Denial {
  readonly policy: string;
  readonly binding: string | undefined;
  readonly message: string;
  readonly reason: string;
}

const MAX_ANNOTATION_CHARACTERS = 10 * 1024;

/** Throws the first denial; warnings and annotations of all come to the writer. */
export function checkPolicies(
  inForce: readonly PolicyInForce[],
  request: AdmissionRequest,
  parts: PolicyParts,
): void {
  const audited: AuditedFailure[] = [];
  const denials = inForce.flatMap((one) => ask(one, request, parts, audited));
  noteFailures(audited, request);
  const [first] = denials;
  if (first) throw refusal(request, first);
}

function ask(
  { policy, bindings }: PolicyInForce,
  request: AdmissionRequest,
  parts: PolicyParts,
  audited: AuditedFailure[],
): Denial[] {
  const { name, spec } = policy;
  const matched = matchedResource(spec.matchConstraints ?? {}, request, parts.around);
  if (!matched) return [];
  const namespaceObject = namespaceOf(request, parts.around);
  const values = valuesOf(request, matched, { namespaceObject, policy: parts.access });
  const denials: Denial[] = [];
  const annotations = new Map<string, Set<string>>();
  for (const binding of bindings) {
    const { matchResources, paramRef } = binding.spec;
    if (matchResources && !matchedResource(matchResources, request, parts.around)) continue;
    try {
      for (const params of collectParams(parts, spec.paramKind, paramRef, request.namespace)) {
        const verdict = evaluatePolicy(policy, { ...values, params });
        denials.push(...enforced(name, binding, verdict, request));
        audited.push(...auditedOf(name, binding, verdict));
        for (const { key, value } of verdict.annotations) {
          annotations.set(
            key,
            (annotations.get(key) ?? new Set()).add(value.slice(0, MAX_ANNOTATION_CHARACTERS)),
          );
        }
      }
    } catch (error) {
      if (isIgnored(error, spec.failurePolicy, binding, request)) continue;
      denials.push(misconfigured(name, binding, error as Error));
    }
  }
  for (const [key, each] of annotations) {
    annotate(request.writer, `${name}/${key}`, [...each].join(', '));
  }
  return denials;
}

/**
 * Who can make many objects must not be able to put a policy out of force that denies, whatever its failurePolicy; nor
 * must he lock anybody out where it does not, or whoever deletes some of them.
 */
function isIgnored(
  error: unknown,
  failurePolicy: string | undefined,
  { spec: { validationActions = [] } }: Binding,
  request: AdmissionRequest,
): boolean {
  if (!(error instanceof TooManyParams)) return failurePolicy === 'Ignore';
  return !validationActions.includes('Deny') || error.isEasedBy(request);
}

const namespaceOf = (
  { resource, namespace }: AdmissionRequest,
  around: Surroundings,
): KubeObject | undefined =>
  namespace === undefined || isNamespace(resource) ? undefined : around.namespace(namespace);

/** What the binding makes of what does not hold. */
function enforced(
  policy: string,
  binding: Binding,
  verdict: Verdict,
  { writer }: AdmissionRequest,
): Denial[] {
  const { validationActions = [] } = binding.spec;
  const denials: Denial[] = [];
  for (const failure of verdict.failures) {
    const { message, reason } = failure;
    if (validationActions.includes('Deny')) {
      denials.push({ policy, binding: binding.name, message, reason });
    }
    if (validationActions.includes('Warn')) {
      const about = `ValidatingAdmissionPolicy '${policy}' with binding '${binding.name}'`;
      warn(writer, `Validation failed for ${about}: ${message}`);
    }
  }
  const faults = verdict.annotationFaults.map((message) => ({
    policy,
    binding: binding.name,
    message,
    reason: '',
  }));
  return [...denials, ...faults];
}

/** As the audit log has it. */
interface AuditedFailure {
  readonly message: string;
  readonly policy: string;
  readonly binding: string;
  readonly expressionIndex: number;
  readonly validationActions: readonly string[];
}

function auditedOf(policy: string, { name, spec }: Binding, { failures }: Verdict): AuditedFailure[] {
  const { validationActions = [] } = spec;
  if (!validationActions.includes('Audit')) return [];
  return failures.map(({ message, index }) => ({
    message,
    policy,
    binding: name,
    expressionIndex: index,
    validationActions,
  }));
}

const FAILURE_ANNOTATION = 'validation.policy.admission.k8s.io/validation_failure';
const MAX_FAILURES_CHARACTERS = 64 * 1024;

/** All of them, as far as there is room; those of the last look at a write that lost a race. */
function noteFailures(audited: readonly AuditedFailure[], { writer }: AdmissionRequest): void {
  delete writer.annotations[FAILURE_ANNOTATION];
  if (audited.length === 0) return;
  let room = MAX_FAILURES_CHARACTERS;
  const fitting = audited.filter((one) => (room -= JSON.stringify(one).length + 1) >= 0);
  writer.annotations[FAILURE_ANNOTATION] = JSON.stringify(fitting);
}

const misconfigured = (policy: string, binding: Binding, error: Error): Denial =>
  error instanceof UnknownParamKind
    ? { policy, binding: undefined, message: `failed to configure policy: ${error.message}`, reason: '' }
    : { policy, binding: binding.name, message: `failed to configure binding: ${error.message}`, reason: '' };

const CODES: Readonly<Record<string, number>> = {
  Forbidden: 403,
  Unauthorized: 401,
  RequestEntityTooLarge: 413,
  Invalid: 422,
};

function refusal(request: AdmissionRequest, { policy, binding, message, reason }: Denial): ApiError {
  const by = binding === undefined ? '' : ` with binding '${binding}'`;
  const cause = `ValidatingAdmissionPolicy '${policy}'${by} denied request: ${message}`;
  const { message: full, details } = notAdmitted(request, cause);
  const told = reason || 'Invalid';
  return new ApiError(CODES[told] ?? 422, told, full, { ...details, causes: [{ message: cause }] });
}
