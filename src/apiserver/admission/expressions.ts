/** Expressions about requests: what they see, and what they may cost. */
import { Authorizer, compileAdmission } from '../../cel/admission.ts';
import type { AccessQuestions, AdmissionExpression, AdmissionValues } from '../../cel/admission.ts';
import { serviceAccountGroups, serviceAccountUsername, userInfo } from '../authn/user.ts';
import type { User } from '../authn/user.ts';
import { evaluate } from '../authz/evaluate.ts';
import type { Policy } from '../authz/policy.ts';
import { isObject } from '../object.ts';
import type { KubeObject } from '../object.ts';
import type { Resource } from '../resource.ts';
import { isNamespace } from '../resource.ts';
import type { AdmissionRequest } from './request.ts';
import type { NamedExpression } from './spec.ts';

/** The limits of Kubernetes: for one expression, for those of a binding, and for its match conditions. */
const CALL_LIMIT = 1_000_000;
export const EXPRESSIONS_BUDGET = 10_000_000;
const CONDITIONS_BUDGET = 2_500_000;

/** Nothing more is evaluated after it. */
export class OutOfBudget extends Error {
  override readonly name = 'OutOfBudget';

  constructor() {
    super('validation failed due to running out of cost budget, no further validation rules will be run');
  }
}

export interface Budget {
  left: number;
}

/** Takes the cost before it is spent. Throws {@link OutOfBudget}, and an Error for any other failure. */
export function spend(expression: AdmissionExpression, values: AdmissionValues, budget: Budget): unknown {
  const cost = expression.costOf(values);
  if (cost > budget.left) throw new OutOfBudget();
  budget.left -= cost;
  if (cost > CALL_LIMIT) throw new Error('operation cancelled: actual cost limit exceeded');
  return expression.evaluate(values);
}

/** The same where a failure names the expression, as in Kubernetes. */
export function evaluated(expression: AdmissionExpression, values: AdmissionValues, budget: Budget): unknown {
  try {
    return spend(expression, values, budget);
  } catch (error) {
    if (error instanceof OutOfBudget) throw error;
    throw new Error(`expression '${expression.text}' resulted in error: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** `object`, `oldObject`, `request`, `namespaceObject` and `authorizer`, as the matched version has them. */
export function valuesOf(
  request: AdmissionRequest,
  matched: Resource,
  { namespaceObject, policy }: { namespaceObject: KubeObject | undefined; policy: Policy },
): AdmissionValues {
  const shown = (object: KubeObject | undefined) =>
    object ? toDynamic(asVersion(object, request, matched)) : null;
  return {
    object: shown(request.object),
    oldObject: shown(request.old),
    request: toDynamic(describeRequest(request, matched)),
    namespaceObject: namespaceObject ? toDynamic(namespaceObject) : null,
    authorizer: new Authorizer(questionsOf(request.writer.user, policy), accessWanted(request)),
    params: null,
    variables: {},
  };
}

/** An object of the request in the form in which it is meant. */
export const asVersion = (
  object: KubeObject,
  { resource }: AdmissionRequest,
  matched: Resource,
): KubeObject => inForm(object, resource, matched);

/** Versions differ by their apiVersion only. What is no object of the resource itself, like a Scale, has one form. */
export function inForm(object: KubeObject, from: Resource, to: Resource): KubeObject {
  if (from === to || object.apiVersion !== from.apiVersion) return object;
  if (from.custom) return { ...object, apiVersion: to.apiVersion };
  const stored = from.storedForm?.toStored(object) ?? object;
  return to.storedForm?.toServed(stored) ?? stored;
}

/** What AdmissionReview and `request` say of it, but for the objects. */
export function describeRequest(request: AdmissionRequest, matched: Resource): Record<string, unknown> {
  const { resource, subresource, name, namespace, operation, writer, dryRun, options } = request;
  return {
    kind: gvkOf(request, matched),
    resource: gvrOf(matched),
    ...(subresource !== undefined && { subResource: subresource }),
    requestKind: gvkOf(request, resource),
    requestResource: gvrOf(resource),
    ...(subresource !== undefined && { requestSubResource: subresource }),
    ...(name && { name }),
    ...(namespace !== undefined && { namespace }),
    operation,
    userInfo: userInfo(writer.user),
    dryRun,
    options,
  };
}

const gvkOf = ({ subresource }: AdmissionRequest, { group, version, kind }: Resource): object =>
  subresource === 'scale' ? { group: 'autoscaling', version: 'v1', kind: 'Scale' } : { group, version, kind };

const gvrOf = ({ group, version, plural }: Resource): object => ({ group, version, resource: plural });

function accessWanted({ resource, subresource, namespace, name }: AdmissionRequest) {
  return {
    group: resource.group,
    resource: resource.plural,
    ...(subresource !== undefined && { subresource }),
    ...(namespace !== undefined && !isNamespace(resource) && { namespace }),
    ...(name && { name }),
  };
}

const questionsOf = (user: User, policy: Policy): AccessQuestions => ({
  ask: (wanted) => evaluate(policy, user, wanted),
  of: (namespace, name) =>
    questionsOf(
      {
        name: serviceAccountUsername({ namespace, name }),
        groups: [...serviceAccountGroups(namespace), 'system:authenticated'],
      },
      policy,
    ),
});

/** JSON as values of CEL: whole numbers are 64-bit integers, whatever the schema says. */
export function toDynamic(value: unknown): unknown {
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(toDynamic);
  if (!isObject(value)) return value;
  const fields = Object.entries(value).filter(([, item]) => (item as unknown) !== undefined);
  return Object.fromEntries(fields.map(([name, item]) => [name, toDynamic(item)]));
}

export const compileConditions = (conditions: readonly NamedExpression[] = []): AdmissionExpression[] =>
  conditions.map(({ expression = '' }) => compileAdmission(expression.trim()));

/**
 * Whether all conditions hold. One that is false decides, whatever becomes of the others; otherwise a failure is
 * thrown.
 */
export function conditionsHold(conditions: readonly AdmissionExpression[], values: AdmissionValues): boolean {
  const budget: Budget = { left: CONDITIONS_BUDGET };
  const failures: Error[] = [];
  for (const condition of conditions) {
    try {
      if (evaluated(condition, values, budget) === false) return false;
    } catch (error) {
      if (error instanceof OutOfBudget) throw error;
      failures.push(error as Error);
    }
  }
  if (failures.length === 0) return true;
  const messages = failures.map(({ message }) => message);
  throw new Error(messages.length > 1 ? `[${messages.join(', ')}]` : messages[0]);
}
