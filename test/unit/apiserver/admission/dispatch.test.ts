import { expect, test } from '@jest/globals';
import { compilePolicy } from '../../../../src/apiserver/admission/policy/compile.ts';
import { checkPolicies } from '../../../../src/apiserver/admission/policy/dispatch.ts';
import { TooManyParams } from '../../../../src/apiserver/admission/policy/param-objects.ts';
import type { ParamObjects } from '../../../../src/apiserver/admission/policy/param-objects.ts';
import type { BindingSpec, PolicySpec } from '../../../../src/apiserver/admission/spec.ts';
import type { KubeObject } from '../../../../src/apiserver/object.ts';
import { Registry } from '../../../../src/apiserver/registry.ts';
import type { Resource } from '../../../../src/apiserver/resource.ts';
import { around, builtin, nobody, request } from './requests.ts';

const nothing: ParamObjects = { named: () => [], selected: () => [] };
const parts = { params: nothing, registry: new Registry([builtin('configmaps')]), access: nobody, around };

/** What comes of one policy `p` with one binding `b`. */
function outcome(spec: PolicySpec, binding: BindingSpec, params: ParamObjects = nothing) {
  const asked = request();
  const policy = compilePolicy('p', { validations: [{ expression: 'false', message: 'no' }], ...spec });
  const run = () =>
    checkPolicies([{ policy, bindings: [{ name: 'b', spec: binding }] }], asked, { ...parts, params });
  try {
    run();
    return { error: undefined, ...asked.writer };
  } catch (error) {
    return { error: error as Error & { code: number; reason: string; details: object }, ...asked.writer };
  }
}

test('Deny', () => {
  const { error } = outcome({}, { validationActions: ['Deny'] });
  const cause = "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no";
  expect(error).toMatchObject({
    code: 422,
    reason: 'Invalid',
    message: `machines.purlin.dev "web" is forbidden: ${cause}`,
    details: { name: 'web', group: 'purlin.dev', kind: 'machines', causes: [{ message: cause }] },
  });
});

test.each([
  ['Forbidden', 403],
  ['RequestEntityTooLarge', 413],
])('Deny with the reason %s', (reason, code) => {
  const validations = [{ expression: 'false', message: 'no', reason }];
  expect(outcome({ validations }, { validationActions: ['Deny'] }).error).toMatchObject({ code, reason });
});

test('Warn and Audit', () => {
  const { error, warnings, annotations } = outcome({}, { validationActions: ['Warn', 'Audit'] });
  expect({ error, warnings }).toEqual({
    error: undefined,
    warnings: ["Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': no"],
  });
  const noted = annotations['validation.policy.admission.k8s.io/validation_failure'] ?? '';
  expect(JSON.parse(noted)).toEqual([
    { message: 'no', policy: 'p', binding: 'b', expressionIndex: 0, validationActions: ['Warn', 'Audit'] },
  ]);
});

test('every failure is in the audit log, as far as there is room', () => {
  const validations = ['one', 'two'].map((message) => ({ expression: 'false', message }));
  const noted = (spec: PolicySpec): { message: string; expressionIndex: number }[] => {
    const { annotations } = outcome(spec, { validationActions: ['Audit'] });
    return JSON.parse(annotations['validation.policy.admission.k8s.io/validation_failure'] ?? '[]') as never;
  };
  expect(noted({ validations })).toMatchObject([
    { message: 'one', expressionIndex: 0 },
    { message: 'two', expressionIndex: 1 },
  ]);
  const long = { expression: 'false', message: 'm'.repeat(5000) };
  expect(noted({ validations: Array.from({ length: 40 }, () => long) })).toHaveLength(12);
});

test('what a policy tells the audit log', () => {
  const spec = {
    validations: [],
    auditAnnotations: [{ key: 'who', valueExpression: 'request.userInfo.username' }],
  };
  expect(outcome(spec, { validationActions: ['Deny'] }).annotations).toEqual({ 'p/who': 'jane' });
});

test.each<[string, PolicySpec, BindingSpec, string]>([
  [
    'an unknown kind of parameters',
    { paramKind: { apiVersion: 'v9', kind: 'Nothing' } },
    {},
    "ValidatingAdmissionPolicy 'p' denied request: failed to configure policy: failed to find resource referenced by paramKind: 'v9, Kind=Nothing'",
  ],
  [
    'no parameters',
    { paramKind: { apiVersion: 'v1', kind: 'ConfigMap' } },
    { paramRef: { name: 'x', parameterNotFoundAction: 'Deny' } },
    "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction",
  ],
])('%s', (_, spec, binding, message) => {
  expect(outcome(spec, { validationActions: ['Deny'], ...binding }).error?.message).toContain(message);
  expect(
    outcome({ ...spec, failurePolicy: 'Ignore' }, { validationActions: ['Deny'], ...binding }).error,
  ).toBeUndefined();
});

test('absent parameters that are allowed to be absent leave nothing to evaluate', () => {
  const spec = { paramKind: { apiVersion: 'v1', kind: 'ConfigMap' } };
  const paramRef = { name: 'x', parameterNotFoundAction: 'Allow' };
  expect(outcome(spec, { validationActions: ['Deny'], paramRef }).error).toBeUndefined();
  expect(outcome(spec, { validationActions: ['Deny'] }).error?.message).toContain('denied request: no');
});

test('too many parameters deny, even where failures are ignored', () => {
  const spec = { paramKind: { apiVersion: 'v1', kind: 'ConfigMap' }, failurePolicy: 'Ignore' } as const;
  const selected = (resource: Resource): never => {
    throw new TooManyParams({ resource, namespace: 'default', selector: {} }, 300);
  };
  const binding = { validationActions: ['Deny'], paramRef: { selector: {} } };
  expect(outcome(spec, binding, { named: () => [], selected }).error?.message).toContain(
    "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: failed to configure binding: " +
      'paramRef.selector selects 300 objects of kind ConfigMap',
  );
});

test('too many parameters lock nobody out where the policy only warns, nor whoever makes them fewer', () => {
  const configMaps = builtin('configmaps');
  const selector = { matchLabels: { limits: 'yes' } };
  const tooMany = new TooManyParams({ resource: configMaps, namespace: 'default', selector }, 300);
  const selected = (): never => {
    throw tooMany;
  };
  const paramKind = { apiVersion: 'v1', kind: 'ConfigMap' };
  for (const failurePolicy of ['Ignore', 'Fail'] as const) {
    const binding = { validationActions: ['Warn', 'Audit'], paramRef: { selector } };
    expect(
      outcome({ paramKind, failurePolicy }, binding, { named: () => [], selected }).error,
    ).toBeUndefined();
  }
  const map = (labels: Record<string, string>) =>
    ({ metadata: { name: 'a', labels } }) as unknown as KubeObject;
  const [in_, out] = [map({ limits: 'yes' }), map({})];
  const about = { resource: configMaps, namespace: 'default' };
  const eased = [
    { ...about, old: in_, object: undefined },
    { ...about, old: in_, object: out },
    { ...about, old: in_, object: in_ },
    { ...about, old: out, object: undefined },
    { ...about, old: undefined, object: in_ },
    { ...about, namespace: 'other', old: in_, object: undefined },
    { ...about, resource: builtin('secrets'), old: in_, object: undefined },
  ].map((written) => tooMany.isEasedBy(written));
  expect(eased).toEqual([true, true, false, false, false, false, false]);
});

test('a write that lost a race and holds at its next look leaves no failure behind', () => {
  const asked = request();
  const look = (expression: string) => {
    const policy = compilePolicy('p', { validations: [{ expression, message: 'no' }] });
    const bindings = [{ name: 'b', spec: { validationActions: ['Audit'] } }];
    checkPolicies([{ policy, bindings }], asked, parts);
    return Object.keys(asked.writer.annotations);
  };
  expect(look('false')).toEqual(['validation.policy.admission.k8s.io/validation_failure']);
  expect(look('true')).toEqual([]);
});
