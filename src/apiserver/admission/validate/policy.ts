/** What a policy and a binding may say: pkg/apis/admissionregistration/validation of Kubernetes. */
import { checkAdmission } from '../../../cel/admission.ts';
import type { AdmissionScope } from '../../../cel/admission.ts';
import { fieldError } from '../../errors.ts';
import type { FieldError } from '../../errors.ts';
import { qualifiedNameFault, subdomainFault } from '../../schema/metadata.ts';
import { labelSelectorErrors } from '../../authz/label-selector.ts';
import type { BindingSpec, NamedExpression, ParamKind, ParamRef, PolicySpec, Validation } from '../spec.ts';
import { conditionErrors, failurePolicyErrors, matchResourcesErrors } from './match.ts';

const MAX_AUDIT_ANNOTATIONS = 20;
const MAX_VALUE_EXPRESSION_BYTES = 5 * 1024;
const REASONS = ['Forbidden', 'Invalid', 'RequestEntityTooLarge'];
const ACTIONS = ['Audit', 'Deny', 'Warn'];
const EMPTY = 'validations or auditAnnotations must contain at least one item';

/** Types that a composed variable may have when others are checked; any other is known at run time only. */
const PLAIN_TYPE = /^(bool|int|uint|double|string|bytes|Quantity|IP|CIDR|URL|list\b.*|map\b.*)$/;
const IDENTIFIER = /^[_a-zA-Z][_a-zA-Z0-9]*$/;
const RESERVED = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

export function policyErrors(name: string, spec: PolicySpec): FieldError[] {
  const { paramKind, matchConstraints, validations = [], auditAnnotations = [] } = spec;
  const params = paramKind ? 'declared' : 'absent';
  const errors = [
    ...failurePolicyErrors(spec.failurePolicy, 'spec.failurePolicy'),
    ...(paramKind ? paramKindErrors(paramKind, 'spec.paramKind') : []),
    ...constraintErrors(matchConstraints),
    ...conditionErrors(spec.matchConditions ?? [], params, 'spec.matchConditions'),
  ];
  const variables = new Map<string, string>();
  const scope: AdmissionScope = { params, authorizer: 'declared', variables };
  for (const [i, variable] of (spec.variables ?? []).entries()) {
    errors.push(...variableErrors(variable, scope, variables, `spec.variables[${i}]`));
  }
  if (validations.length === 0 && auditAnnotations.length === 0) {
    return [
      ...errors,
      fieldError.required('spec.validations', EMPTY),
      fieldError.required('spec.auditAnnotations', EMPTY),
    ];
  }
  return [
    ...errors,
    ...validations.flatMap((one, i) => validationErrors(one, scope, `spec.validations[${i}]`)),
    ...annotationErrors(name, spec, scope),
  ];
}

function constraintErrors(constraints: PolicySpec['matchConstraints']): FieldError[] {
  const path = 'spec.matchConstraints';
  if (!constraints) return [fieldError.required(path)];
  const errors = matchResourcesErrors(constraints, path);
  return constraints.resourceRules?.length
    ? errors
    : [...errors, fieldError.required(`${path}.resourceRules`)];
}

function paramKindErrors({ apiVersion = '', kind = '' }: ParamKind, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const parts = apiVersion.split('/');
  const [version = '', group] = parts.toReversed();
  if (apiVersion === '') errors.push(fieldError.required(`${path}.apiVersion`));
  else if (parts.length > 2) {
    const why = `unexpected GroupVersion string: ${apiVersion}`;
    errors.push(fieldError.invalid(`${path}.apiVersion`, apiVersion, why));
  } else if (version === '') {
    errors.push(fieldError.invalid(`${path}.apiVersion`, apiVersion, 'version must be specified'));
  } else if (group) {
    const fault = subdomainFault(group);
    if (fault) errors.push(fieldError.invalid(`${path}.apiVersion`, group, fault));
  }
  if (kind === '') errors.push(fieldError.required(`${path}.kind`));
  return errors;
}

/** Also declares the variable for those after it. */
function variableErrors(
  { name = '', expression = '' }: NamedExpression,
  scope: AdmissionScope,
  variables: Map<string, string>,
  path: string,
): FieldError[] {
  const errors: FieldError[] = [];
  if (name.trim() === '') errors.push(fieldError.required(`${path}.name`, 'name is not specified'));
  else if (!IDENTIFIER.test(name) || RESERVED.has(name)) {
    errors.push(fieldError.invalid(`${path}.name`, name, 'must be a valid CEL identifier'));
  }
  if (expression.trim() === '') {
    return [...errors, fieldError.required(`${path}.expression`, 'expression is not specified')];
  }
  const { fault, type } = checkAdmission(expression, scope, []);
  if (fault) errors.push(fieldError.invalid(`${path}.expression`, expression, fault));
  if (errors.length === 0) variables.set(name, PLAIN_TYPE.test(type) ? type : 'dyn');
  return errors;
}

function validationErrors(validation: Validation, scope: AdmissionScope, path: string): FieldError[] {
  const { expression = '', message, messageExpression, reason } = validation;
  const errors: FieldError[] = [];
  if (expression.trim() === '') {
    errors.push(fieldError.required(`${path}.expression`, 'expression is not specified'));
  } else {
    const { fault } = checkAdmission(expression, scope, ['bool']);
    if (fault) errors.push(fieldError.invalid(`${path}.expression`, expression, fault));
  }
  const at = `${path}.messageExpression`;
  if (messageExpression && messageExpression.trim() === '') {
    errors.push(fieldError.invalid(at, messageExpression, 'must be non-empty if specified'));
  } else if (messageExpression) {
    const { fault } = checkAdmission(messageExpression, { ...scope, authorizer: 'absent' }, ['string']);
    if (fault) errors.push(fieldError.invalid(at, messageExpression, fault));
  }
  if (message && message.trim() === '') {
    errors.push(fieldError.invalid(`${path}.message`, message, 'must be non-empty if specified'));
  } else if (message && /[\n\r]/.test(message.trim())) {
    errors.push(fieldError.invalid(`${path}.message`, message, 'must not contain line breaks'));
  }
  if (reason !== undefined && !REASONS.includes(reason)) {
    errors.push(fieldError.notSupported(`${path}.reason`, reason, REASONS));
  }
  return errors;
}

function annotationErrors(
  name: string,
  { auditAnnotations = [] }: PolicySpec,
  scope: AdmissionScope,
): FieldError[] {
  const path = 'spec.auditAnnotations';
  const keys = auditAnnotations.map(({ key = '' }) => key);
  const errors: FieldError[] = [];
  if (auditAnnotations.length > MAX_AUDIT_ANNOTATIONS) {
    const why = `must not have more than ${MAX_AUDIT_ANNOTATIONS} auditAnnotations`;
    errors.push(fieldError.invalid(path, auditAnnotations, why));
  }
  for (const [i, { key = '', valueExpression = '' }] of auditAnnotations.entries()) {
    const at = `${path}[${i}].valueExpression`;
    const malformed = qualifiedNameFault(`${name}/${key}`);
    if (malformed) errors.push(fieldError.invalid(`${path}[${i}].key`, `${name}/${key}`, malformed));
    const trimmed = valueExpression.trim();
    if (trimmed === '') errors.push(fieldError.required(at, 'valueExpression is not specified'));
    else if (Buffer.byteLength(trimmed) > MAX_VALUE_EXPRESSION_BYTES) {
      errors.push(fieldError.required(at, `must not exceed ${MAX_VALUE_EXPRESSION_BYTES} bytes in length`));
    } else {
      const { fault } = checkAdmission(trimmed, scope, ['string', 'null']);
      if (fault) errors.push(fieldError.invalid(at, valueExpression, fault));
    }
    if (keys.indexOf(key) < i) errors.push(fieldError.duplicate(`${path}[${i}].key`, key));
  }
  return errors;
}

export function bindingErrors(spec: BindingSpec): FieldError[] {
  const { policyName = '', paramRef, matchResources, validationActions = [] } = spec;
  const malformed = policyName === '' ? undefined : subdomainFault(policyName);
  return [
    ...(policyName === '' ? [fieldError.required('spec.policyName')] : []),
    ...(malformed ? [fieldError.invalid('spec.policyName', policyName, malformed)] : []),
    ...(paramRef ? paramRefErrors(paramRef, 'spec.paramRef') : []),
    ...(matchResources ? matchResourcesErrors(matchResources, 'spec.matchResources') : []),
    ...actionErrors(validationActions, 'spec.validationActions'),
  ];
}

function paramRefErrors({ name, selector, parameterNotFoundAction }: ParamRef, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const exclusive = 'name and selector are mutually exclusive';
  if (name && selector) errors.push(fieldError.forbidden(`${path}.name`, exclusive));
  if (selector) errors.push(...labelSelectorErrors(selector, `${path}.selector`));
  if (name && selector) errors.push(fieldError.forbidden(`${path}.selector`, exclusive));
  if (!name && !selector) errors.push(fieldError.required(path, 'one of name or selector must be specified'));
  const at = `${path}.parameterNotFoundAction`;
  if (!parameterNotFoundAction) errors.push(fieldError.required(at));
  else if (!['Deny', 'Allow'].includes(parameterNotFoundAction)) {
    errors.push(fieldError.notSupported(at, parameterNotFoundAction, ['Deny', 'Allow']));
  }
  return errors;
}

function actionErrors(actions: readonly string[], path: string): FieldError[] {
  const errors = actions.flatMap((action, i) => [
    ...(ACTIONS.includes(action) ? [] : [fieldError.notSupported(`${path}[${i}]`, action, ACTIONS)]),
    ...(actions.indexOf(action) < i ? [fieldError.duplicate(`${path}[${i}]`, action)] : []),
  ]);
  if (actions.includes('Deny') && actions.includes('Warn')) {
    const why =
      'must not contain both Deny and Warn (repeating the same validation failure information in the API response ' +
      'and headers serves no purpose)';
    errors.push(fieldError.invalid(path, actions, why));
  }
  if (actions.length === 0)
    errors.push(fieldError.required(path, 'at least one validation action is required'));
  return errors;
}
