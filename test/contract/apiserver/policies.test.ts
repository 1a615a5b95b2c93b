/** ValidatingAdmissionPolicies, as kubectl and its users see them. */
import { afterEach, expect, test } from '@jest/globals';
import { servedTests } from './expecting.ts';
import { WIDGETS } from './harness.ts';

const { api, ok, fails } = servedTests();

const REGISTRATION = '/apis/admissionregistration.k8s.io/v1';
const applied: string[] = [];
afterEach(async () => {
  for (const one of applied.splice(0).reverse()) await api().call('DELETE', one);
});

async function put(plural: string, kind: string, name: string, spec: object): Promise<void> {
  const { status, body } = await api().call('POST', `${REGISTRATION}/${plural}`, {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind,
    metadata: { name },
    spec,
  });
  expect({ status, body }).toMatchObject({ status: 201 });
  applied.push(`${REGISTRATION}/${plural}/${name}`);
}

const about = (resources: string[], operations = ['*']) => ({
  resourceRules: [{ apiGroups: ['*'], apiVersions: ['*'], operations, resources }],
});

/** A policy that is bound, about Widgets unless it says otherwise. */
async function enforce(name: string, spec: object, binding: object = {}): Promise<void> {
  await put('validatingadmissionpolicies', 'ValidatingAdmissionPolicy', name, {
    matchConstraints: about(['widgets']),
    ...spec,
  });
  await put('validatingadmissionpolicybindings', 'ValidatingAdmissionPolicyBinding', name, {
    policyName: name,
    validationActions: ['Deny'],
    ...binding,
  });
}

const widget = (name: string, spec: object = {}): object => ({
  apiVersion: 'test.purlin.dev/v1alpha1',
  kind: 'Widget',
  metadata: { name },
  spec: { color: 'red', ...spec },
});
const create = (name: string, spec: object = {}) => api().call('POST', WIDGETS, widget(name, spec));

test('kubectl shows a policy, and what it refuses', async () => {
  await enforce('count', {
    validations: [
      {
        expression: '!has(object.spec.count) || object.spec.count <= 3',
        messageExpression: "'count is ' + string(object.spec.count) + ', and may be 3 at most'",
      },
    ],
  });
  const { stderr } = await api().kubectlWith(
    JSON.stringify(widget('many', { count: 4 })),
    'apply',
    '-f',
    '-',
  );
  expect(stderr).toContain(
    "The widgets \"many\" is invalid: : ValidatingAdmissionPolicy 'count' with binding 'count' denied request: " +
      'count is 4, and may be 3 at most',
  );
  expect(await ok('get', 'validatingadmissionpolicies')).toMatch(/count\s+1\s+<unset>/);
  expect(await ok('get', 'validatingadmissionpolicybindings')).toMatch(/count\s+count\s+<unset>/);
  await ok('wait', '--for=jsonpath={.status.observedGeneration}=1', 'validatingadmissionpolicy/count');
});

test('the fault of an expression is told with its place', async () => {
  const policy = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name: 'broken' },
    spec: { matchConstraints: about(['widgets']), validations: [{ expression: "request.nam == 'x'" }] },
  };
  const { stderr } = await api().kubectlWith(JSON.stringify(policy), 'apply', '-f', '-');
  expect(stderr).toContain(
    'spec.validations[0].expression: Invalid value: "request.nam == \'x\'": compilation failed',
  );
  expect(stderr).toContain("undefined field 'nam'");
});

test('parameters of the namespace of the request', async () => {
  await enforce(
    'limits',
    {
      paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
      validations: [{ expression: 'object.spec.count <= int(params.data.most)', message: 'too many' }],
    },
    { paramRef: { name: 'limits', parameterNotFoundAction: 'Allow' } },
  );
  expect((await create('free', { count: 9 })).status).toBe(201);
  await ok('create', 'configmap', 'limits', '--from-literal=most=3');
  expect(await create('four', { count: 4 })).toMatchObject({
    status: 422,
    body: { message: expect.stringContaining('denied request: too many') as never },
  });
  expect((await create('three', { count: 3 })).status).toBe(201);
  await ok('delete', 'configmap', 'limits');
  expect((await create('four', { count: 4 })).status).toBe(201);
});

test('parameters by their labels', async () => {
  const spec = {
    paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
    validations: [
      {
        expression: 'object.spec.count <= int(params.data.most)',
        messageExpression: 'string(params.metadata.name)',
      },
    ],
  };
  const selector = { matchLabels: { params: 'yes' } };
  await enforce('labelled', spec, { paramRef: { selector, parameterNotFoundAction: 'Allow' } });
  expect((await create('nine', { count: 9 })).status).toBe(201);
  for (const most of ['3', '5'])
    await ok('create', 'configmap', `most-${most}`, `--from-literal=most=${most}`);
  expect((await create('unlabelled', { count: 9 })).status).toBe(201);
  await ok('label', 'configmap', 'most-3', 'most-5', 'params=yes');
  expect(await create('six', { count: 6 })).toMatchObject({
    status: 422,
    body: { message: expect.stringContaining('denied request: most-3') as never },
  });
  await ok('label', 'configmap', 'most-3', 'params-');
  expect((await create('five', { count: 5 })).status).toBe(201);
  expect((await create('six', { count: 6 })).body).toMatchObject({
    message: expect.stringContaining('denied request: most-5') as never,
  });
  await ok('delete', 'configmap', 'most-3', 'most-5');
});

test('what is asked about is whoever makes the request', async () => {
  await enforce('rights', {
    validations: [
      {
        expression:
          "authorizer.group('test.purlin.dev').resource('racks').check('create').allowed() && " +
          "authorizer.requestResource.check('create').allowed()",
        reason: 'Forbidden',
      },
    ],
  });
  await ok('create', 'clusterrole', 'widgeteer', '--verb=create', '--resource=widgets');
  await ok('create', 'clusterrolebinding', 'widgeteer', '--clusterrole=widgeteer', '--user=jane');
  const asJane = (name: string) => api().call('POST', WIDGETS, widget(name), { 'impersonate-user': 'jane' });
  expect((await asJane('janes')).status).toBe(403);
  await ok('create', 'clusterrole', 'racker', '--verb=create', '--resource=racks');
  await ok('create', 'clusterrolebinding', 'racker', '--clusterrole=racker', '--user=jane');
  expect((await asJane('janes')).status).toBe(201);
});

test('deletions, one by one and all at once', async () => {
  await create('kept');
  await enforce('keep', {
    matchConstraints: about(['widgets'], ['DELETE']),
    validations: [{ expression: "oldObject.metadata.name != 'kept'", message: 'it stays' }],
  });
  expect(await fails('delete', 'widget', 'kept')).toContain('it stays');
  expect(await fails('delete', 'widgets', '--all')).toContain('it stays');
  expect((await api().call('DELETE', WIDGETS)).status).toBe(422);
  expect((await api().call('GET', `${WIDGETS}/kept`)).status).toBe(200);
});

test('a namespace is emptied once nothing refuses it any more', async () => {
  await ok('create', 'namespace', 'leaving');
  await api().call('POST', WIDGETS.replace('/default/', '/leaving/'), widget('kept'));
  await enforce('keep', {
    matchConstraints: about(['widgets'], ['DELETE']),
    validations: [
      {
        expression: "request.userInfo.username != 'system:serviceaccount:kube-system:namespace-controller'",
        message: 'not even then',
      },
    ],
  });
  await ok('delete', 'namespace', 'leaving', '--wait=false');
  await ok(
    'wait',
    'namespace/leaving',
    '--timeout=30s',
    '--for=jsonpath={.status.conditions[?(@.type=="NamespaceDeletionContentFailure")].status}=True',
  );
  const namespace = await ok('get', 'namespace', 'leaving', '-o', 'yaml');
  expect(namespace).toContain('not even then');
  for (const one of applied.splice(0).reverse()) await api().call('DELETE', one);
  await ok('wait', '--for=delete', 'namespace/leaving', '--timeout=60s');
});

test('what is warned of is done', async () => {
  await enforce(
    'warn',
    { validations: [{ expression: "object.spec.color != 'red'", message: 'red is loud' }] },
    { validationActions: ['Warn'] },
  );
  const { code, stderr } = await api().kubectlWith(JSON.stringify(widget('loud')), 'apply', '-f', '-');
  expect(code).toBe(0);
  expect(stderr).toContain(
    "Warning: Validation failed for ValidatingAdmissionPolicy 'warn' with binding 'warn': red is loud",
  );
});

test('an expression that cannot be evaluated denies, or does not count', async () => {
  const validations = [{ expression: 'object.spec.nothing.at == 1' }];
  await enforce('broken', { validations });
  expect(await create('broken')).toMatchObject({
    status: 422,
    body: {
      message: expect.stringContaining(
        "denied request: expression 'object.spec.nothing.at == 1' resulted in error: no such key: nothing",
      ) as never,
    },
  });
  for (const one of applied.splice(0).reverse()) await api().call('DELETE', one);
  await enforce('broken', { validations, failurePolicy: 'Ignore' });
  expect((await create('broken')).status).toBe(201);
});

test('a policy that costs too much ends at its budget', async () => {
  const parts = Array.from({ length: 2000 }, (_, i) => `p${i}`);
  await enforce('costly', {
    validations: [
      { expression: 'object.spec.extra.parts.all(a, object.spec.extra.parts.all(b, a != b || a == b))' },
    ],
    matchConstraints: about(['widgets']),
  });
  const { status, body } = await create('costly', { extra: { parts } });
  expect({ status, body }).toMatchObject({
    status: 422,
    body: { message: expect.stringMatching(/cost limit exceeded|cost budget/) as never },
  });
});

test('policies survive a restart', async () => {
  await enforce('lasting', { validations: [{ expression: "object.metadata.name != 'never'" }] });
  await api().restart();
  expect((await create('never')).status).toBe(422);
  expect((await create('ever')).status).toBe(201);
});

test('who binds a policy must be allowed to read its parameters', async () => {
  await put('validatingadmissionpolicies', 'ValidatingAdmissionPolicy', 'secretive', {
    paramKind: { apiVersion: 'v1', kind: 'Secret' },
    matchConstraints: about(['widgets']),
    validations: [{ expression: 'false', messageExpression: 'string(params.data.password)' }],
  });
  await ok(
    'create',
    'clusterrole',
    'policymaker',
    '--verb=create,update',
    '--resource=validatingadmissionpolicies,validatingadmissionpolicybindings',
  );
  await ok('create', 'clusterrolebinding', 'policymaker', '--clusterrole=policymaker', '--user=eve');
  const asEve = (plural: string, kind: string, spec: object) =>
    api().call(
      'POST',
      `${REGISTRATION}/${plural}`,
      { apiVersion: 'admissionregistration.k8s.io/v1', kind, metadata: { name: 'eves' }, spec },
      { 'impersonate-user': 'eve' },
    );
  const binding = await asEve('validatingadmissionpolicybindings', 'ValidatingAdmissionPolicyBinding', {
    policyName: 'secretive',
    validationActions: ['Deny'],
    paramRef: { name: 'password', namespace: 'default', parameterNotFoundAction: 'Deny' },
  });
  expect({ status: binding.status, message: binding.body['message'] }).toEqual({
    status: 422,
    message:
      'ValidatingAdmissionPolicyBinding.admissionregistration.k8s.io "eves" is invalid: spec.paramRef: Forbidden: ' +
      'user eve does not have "get" permission on the object referenced by paramRef',
  });
  const policy = await asEve('validatingadmissionpolicies', 'ValidatingAdmissionPolicy', {
    paramKind: { apiVersion: 'v1', kind: 'Secret' },
    matchConstraints: about(['widgets']),
    validations: [{ expression: 'true' }],
  });
  expect({ status: policy.status, message: policy.body['message'] }).toMatchObject({
    status: 422,
    message: expect.stringContaining(
      'spec.paramKind: Forbidden: user eve must have "get" permission',
    ) as never,
  });
});
