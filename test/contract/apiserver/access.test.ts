/** Who is let in and what they may do, as kubectl and its users see it. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { expecting } from './expecting.ts';
import { WIDGETS, startTestServer, widget } from './harness.ts';
import type { TestServer } from './harness.ts';

// Each call of kubectl is a process, and the machine may be busy with other tests.
jest.setTimeout(120_000);

let api: TestServer;
const { ok, fails } = expecting(() => api);
beforeAll(async () => {
  api = await startTestServer();
  // It comes a moment after the server.
  await ok('wait', '--for=create', 'serviceaccount/default');
});
afterAll(() => api.stop());

const asToken = (token: string) => ({ authorization: `Bearer ${token}` });

describe('who am I', () => {
  test('the administrator, another user, and a ServiceAccount', async () => {
    expect(await ok('auth', 'whoami')).toMatch(
      /Username +purlin-admin\nGroups +\[system:masters system:authenticated\]\n.*credential-id +\[X509SHA256=[0-9a-f]{64}\]/,
    );
    expect(await ok('auth', 'whoami', '--as=jane', '--as-group=a', '--as-group=b', '--as-uid=7')).toMatch(
      /Username +jane\nUID +7\nGroups +\[a b system:authenticated\]/,
    );
    const token = await ok('create', 'token', 'default');
    expect(await ok('auth', 'whoami', '--token', token)).toMatch(
      /Username +system:serviceaccount:default:default\nUID +[0-9a-f-]{36}\nGroups +\[system:serviceaccounts system:serviceaccounts:default system:authenticated\]/,
    );
  });

  test('nobody without the right may stand in for another', async () => {
    const headers = { ...asToken(await ok('create', 'token', 'default')), 'impersonate-user': 'jane' };
    const { status, body } = await api.call('GET', '/api', undefined, headers);
    expect([status, body['message']]).toEqual([
      403,
      'users "jane" is forbidden: User "system:serviceaccount:default:default" cannot impersonate resource "users" in API group "" at the cluster scope',
    ]);
  });
});

describe('what may I do', () => {
  beforeAll(async () => {
    await ok('create', 'namespace', 'rights');
    await ok('create', 'rolebinding', 'jane', '--clusterrole=edit', '--user=jane', '-n', 'rights');
  });

  test('can-i answers for kinds, subresources, paths and other users', async () => {
    expect(await ok('auth', 'can-i', '*', '*')).toBe('yes');
    const can = async (...args: string[]) =>
      (await api.kubectl('auth', 'can-i', '--as=jane', ...args)).stdout;
    expect(await can('create', 'configmaps', '-n', 'rights')).toBe('yes');
    expect(await can('create', 'serviceaccounts', '--subresource=token', '-n', 'rights')).toBe('yes');
    expect(await can('create', 'configmaps', '-n', 'default')).toBe('no');
    expect(await can('create', 'roles', '-n', 'rights')).toBe('no');
    expect(await can('get', '/api')).toBe('yes');
    expect(await can('get', '/metrics')).toBe('no');
  });

  test('can-i --list lists', async () => {
    const table = await ok('auth', 'can-i', '--list', '--as=jane', '-n', 'rights');
    expect(table).toMatch(/^selfsubjectreviews\.authentication\.k8s\.io +\[\] +\[\] +\[create\]$/m);
    expect(table).toMatch(/^machines\.purlin\.dev +\[\] +\[\] +\[.*delete.*watch\]$/m);
    expect(table).toMatch(/^ +\[\/openapi\/\*\] +\[\] +\[get\]$/m);
    expect(await ok('auth', 'can-i', '--list', '--as=jane')).not.toMatch(/machines/);
  });

  test('somebody else may be asked about, in a namespace or everywhere', async () => {
    const spec = (namespace: string) => ({
      user: 'jane',
      resourceAttributes: { verb: 'delete', group: '', resource: 'secrets', namespace },
    });
    const post = async (path: string, kind: string, body: object) => {
      const apiVersion = 'authorization.k8s.io/v1';
      const answer = await api.call('POST', `/apis/${apiVersion}${path}`, { apiVersion, kind, ...body });
      return [answer.status, answer.body['message'] ?? answer.body['status']] as unknown[];
    };
    const review = (namespace: string) =>
      post('/subjectaccessreviews', 'SubjectAccessReview', { spec: spec(namespace) });
    const local = (namespace: string) =>
      post(`/namespaces/rights/localsubjectaccessreviews`, 'LocalSubjectAccessReview', {
        spec: spec(namespace),
      });
    const reason = 'RBAC: allowed by RoleBinding "jane/rights" of ClusterRole "edit" to User "jane"';
    expect(await review('rights')).toEqual([201, { allowed: true, reason }]);
    expect(await review('default')).toEqual([201, { allowed: false }]);
    expect(await local('rights')).toEqual([201, { allowed: true, reason }]);
    expect(await local('default')).toEqual([422, expect.stringMatching(/must match metadata.namespace/)]);
    const nobody = await post('/subjectaccessreviews', 'SubjectAccessReview', { spec: {} });
    expect(nobody).toEqual([422, expect.stringMatching(/exactly one of .*, spec.user: .*at least one of/)]);
  });

  test('a review is created and never found', async () => {
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    expect((await api.call('GET', path)).status).toBe(405);
    expect((await api.call('GET', `${path}/x`)).status).toBe(405);
    expect(await ok('api-resources', '--verbs=create', '-o', 'name')).toMatch(/selfsubjectaccessreviews/);
    expect(await ok('api-resources', '--verbs=list', '-o', 'name')).not.toMatch(/reviews/);
  });
});

describe('tenants', () => {
  const refused =
    /^Error from server \(Forbidden\): widgets\.test\.purlin\.dev is forbidden: User "(ann|ben)" cannot list resource "widgets" in API group "test\.purlin\.dev" in the namespace "tenant-[ab]"$/;

  beforeAll(async () => {
    const rule = ['--verb=get,list,watch,create,delete', '--resource=widgets.test.purlin.dev'];
    for (const [namespace, user] of [
      ['tenant-a', 'ann'],
      ['tenant-b', 'ben'],
    ] as const) {
      await ok('create', 'namespace', namespace);
      await ok('create', 'role', 'widgets', '-n', namespace, ...rule);
      await ok('create', 'rolebinding', 'admin', '--clusterrole=admin', `--user=${user}`, '-n', namespace);
      await ok('create', 'rolebinding', 'widgets', '--role=widgets', `--user=${user}`, '-n', namespace);
    }
    const path = WIDGETS.replace('default', 'tenant-b');
    expect((await api.call('POST', path, widget('secret-plan'))).status).toBe(201);
  });

  test('work in their own namespace', async () => {
    expect(await ok('get', 'widgets', '--as=ben', '-n', 'tenant-b', '-o', 'name')).toBe(
      'widget.test.purlin.dev/secret-plan',
    );
    expect(await ok('get', 'namespace', 'tenant-b', '--as=ben', '-o', 'name')).toBe('namespace/tenant-b');
  });

  test('see nothing of each other, not even whether something exists', async () => {
    expect(await fails('get', 'widgets', '--as=ann', '-n', 'tenant-b')).toMatch(refused);
    expect(await fails('get', 'widgets', '-A', '--as=ann')).toMatch(/at the cluster scope/);
    expect(await fails('get', 'namespaces', '--as=ann')).toMatch(/cannot list resource "namespaces"/);
    const answers = await Promise.all(
      [
        'tenant-b/widgets/secret-plan',
        'tenant-b/widgets/no-such',
        'no-such/widgets/x',
        'tenant-b/gadgets/x',
      ].map(async (path) => {
        const url = `/apis/test.purlin.dev/v1alpha1/namespaces/${path}`;
        const { status, body } = await api.call('GET', url, undefined, { 'impersonate-user': 'ann' });
        return [status, body['reason']] as unknown[];
      }),
    );
    expect(answers).toEqual(Array(4).fill([403, 'Forbidden']));
  });

  test.each([
    '/apis/test.purlin.dev/v1alpha1/%6eamespaces/tenant-b/widgets',
    '//apis//test.purlin.dev/v1alpha1//namespaces/tenant-b/widgets/',
    '/apis/test.purlin.dev/v1alpha1/namespaces/tenant-a%2F..%2Ftenant-b/widgets',
    '/apis/test.purlin.dev/v1alpha1/namespaces/tenant-a/widgets/..%2Ftenant-b%2Fsecret-plan',
    '/apis/test.purlin.dev/v1alpha1/namespaces/%2e%2e/widgets/secret-plan',
    '/apis/test.purlin.dev/v1alpha1/widgets?fieldSelector=metadata.namespace%3Dtenant-a',
    '/apis/test.purlin.dev/v1alpha1/namespaces/tenant-b/widgets?namespace=tenant-a',
    '/healthz/../apis/test.purlin.dev/v1alpha1/namespaces/tenant-b/widgets',
  ])('however it is spelled: %s', async (path) => {
    const { status, body } = await api.call('GET', path, undefined, { 'impersonate-user': 'ann' });
    expect([403, 404]).toContain(status);
    expect(JSON.stringify(body)).not.toMatch(/"kind":"Widget/);
  });

  test('a watch of another namespace is refused before it begins', async () => {
    const path = `${WIDGETS.replace('default', 'tenant-b')}?watch=true`;
    const { status, body } = await api.call('GET', path, undefined, { 'impersonate-user': 'ann' });
    expect([status, body['message']]).toEqual([
      403,
      expect.stringMatching(/cannot watch resource "widgets"/),
    ]);
  });

  test('name a single object by field selector where only that one is allowed', async () => {
    await ok(
      'create',
      'role',
      'one',
      '--verb=list',
      '--resource=configmaps',
      '--resource-name=x',
      '-n',
      'tenant-a',
    );
    await ok('create', 'rolebinding', 'cat', '--role=one', '--user=cat', '-n', 'tenant-a');
    const named = ['--field-selector=metadata.name=x', '--as=cat', '-n', 'tenant-a'];
    expect(await ok('get', 'configmaps', ...named)).toBe('');
    expect(await fails('get', 'configmaps', '--as=cat', '-n', 'tenant-a')).toMatch(/configmaps is forbidden/);
  });

  test('give away only what they have', async () => {
    const asAnn = ['--as=ann', '-n', 'tenant-a'];
    await ok('create', 'role', 'sub', '--verb=get', '--resource=secrets,widgets.test.purlin.dev', ...asAnn);
    await ok('create', 'rolebinding', 'sub', '--role=sub', '--user=zoe', ...asAnn);
    await ok('create', 'rolebinding', 'view', '--clusterrole=view', '--user=zoe', ...asAnn);
    const more = ['role', 'more', '--verb=patch', '--resource=widgets.test.purlin.dev'];
    expect(await fails('create', ...more, ...asAnn)).toContain(
      'roles.rbac.authorization.k8s.io "more" is forbidden: user "ann" (groups=["system:authenticated"]) ' +
        'is attempting to grant RBAC permissions not currently held:\n' +
        '{APIGroups:["test.purlin.dev"], Resources:["widgets"], Verbs:["patch"]}',
    );
    expect(
      await fails('create', 'rolebinding', 'top', '--clusterrole=cluster-admin', '--user=ann', ...asAnn),
    ).toMatch(
      /not currently held:\n\{APIGroups:\["\*"\], Resources:\["\*"\], Verbs:\["\*"\]\}\n\{NonResourceURLs/,
    );
    const patch = '{"rules":[{"verbs":["*"],"apiGroups":["*"],"resources":["*"]}]}';
    expect(await fails('patch', 'role', 'sub', '--type=merge', '-p', patch, ...asAnn)).toMatch(
      /not currently held/,
    );
  });

  test('lose what is taken from them at once', async () => {
    const path = WIDGETS.replace('default', 'tenant-a');
    const asEve = { 'impersonate-user': 'eve' };
    await ok('create', 'rolebinding', 'eve', '--role=widgets', '--user=eve', '-n', 'tenant-a');
    expect((await api.call('GET', path, undefined, asEve)).status).toBe(200);
    const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/tenant-a/rolebindings/eve';
    await api.call('DELETE', rbac);
    expect((await api.call('GET', path, undefined, asEve)).status).toBe(403);
  });
});

describe('roles as objects', () => {
  const manifest = (verbs: string, role = 'ops') => `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: ${role} }
rules: [{ apiGroups: [purlin.dev], resources: [hosts], verbs: [${verbs}] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: ops }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: ${role} }
subjects: [{ apiGroup: rbac.authorization.k8s.io, kind: Group, name: ops }]
`;
  const reconcile = async (text: string) => {
    const { code, stdout, stderr } = await api.kubectlWith(text, 'auth', 'reconcile', '-f', '-');
    expect({ code, stderr }).toMatchObject({ code: 0 });
    return stderr + stdout;
  };

  test('auth reconcile creates, adds what is missing, and binds anew', async () => {
    expect(await reconcile(manifest('get'))).toMatch(/reconciliation required create/);
    expect(await reconcile(manifest('get'))).not.toMatch(/reconciliation required/);
    expect(await reconcile(manifest('get, list'))).toMatch(/missing rules added:\n.*Verbs:\[list\]/);
    expect(await reconcile(manifest('get', 'ops2'))).toMatch(/reconciliation required recreate/);
    expect(await ok('get', 'clusterrolebinding', 'ops', '-o', 'wide')).toMatch(
      /^NAME +ROLE +AGE +USERS +GROUPS +SERVICEACCOUNTS\s+ops +ClusterRole\/ops2 +\d+s +ops *$/,
    );
  });

  test('what a binding grants cannot be changed', async () => {
    await reconcile(manifest('get'));
    const patch = '{"roleRef":{"name":"view"}}';
    expect(await fails('patch', 'clusterrolebinding', 'ops', '--type=merge', '-p', patch)).toMatch(
      /roleRef: Invalid value: .*: cannot change roleRef/,
    );
  });

  test.each([
    [
      'a rule without verbs',
      'Role',
      'rules: [{ apiGroups: [""], resources: [pods], verbs: [] }]',
      /rules\[0\]\.verbs: Required value: verbs must contain at least one value/,
    ],
    [
      'a rule without group',
      'Role',
      'rules: [{ resources: [pods], verbs: [get] }]',
      /rules\[0\]\.apiGroups: Required value: resource rules must supply at least one api group/,
    ],
    [
      'URLs in a Role',
      'Role',
      'rules: [{ nonResourceURLs: [/x], verbs: [get] }]',
      /namespaced rules cannot apply to non-resource URLs/,
    ],
    [
      'an empty aggregation',
      'ClusterRole',
      'aggregationRule: {}',
      /aggregationRule\.clusterRoleSelectors: Required value/,
    ],
    [
      'an unknown kind of subject',
      'RoleBinding',
      'roleRef: { kind: Role, name: x }\nsubjects: [{ kind: Robot, name: x }]',
      /subjects\[0\]\.kind: Unsupported value: "Robot"/,
    ],
    [
      'a ServiceAccount of nowhere',
      'ClusterRoleBinding',
      'roleRef: { kind: ClusterRole, name: x }\nsubjects: [{ kind: ServiceAccount, name: x }]',
      /subjects\[0\]\.namespace: Required value/,
    ],
    [
      'a Role for everywhere',
      'ClusterRoleBinding',
      'roleRef: { kind: Role, name: x }',
      /roleRef\.kind: Unsupported value: "Role"/,
    ],
  ])('%s is invalid', async (_, kind, fields, message) => {
    const object = `apiVersion: rbac.authorization.k8s.io/v1\nkind: ${kind}\nmetadata: { name: wrong }\n${fields}\n`;
    const { stderr } = await api.kubectlWith(object, 'create', '-f', '-');
    expect(stderr).toMatch(message);
  });

  test('names may have colons, and describe shows what is allowed', async () => {
    await ok('create', 'clusterrole', 'acme:reader', '--verb=get,list', '--resource=configmaps');
    expect(await ok('describe', 'clusterrole', 'acme:reader')).toMatch(
      /configmaps +\[\] +\[\] +\[get list\]/,
    );
  });

  test('what is labelled for it becomes part of view, edit and admin, and leaves with its label', async () => {
    await ok('create', 'clusterrole', 'view-widgets', '--verb=get', '--resource=widgets.test.purlin.dev');
    await ok('label', 'clusterrole', 'view-widgets', 'rbac.authorization.k8s.io/aggregate-to-view=true');
    await adminHolds((rules) => rules.includes('"widgets"'));
    await ok('delete', 'clusterrole', 'view-widgets');
    await adminHolds((rules) => !rules.includes('"widgets"'));
  });

  /** Waits for the rules of `admin`, which are at the end of the chain. */
  async function adminHolds(condition: (rules: string) => boolean): Promise<void> {
    const path =
      '/apis/rbac.authorization.k8s.io/v1/clusterroles?watch=1&fieldSelector=metadata.name%3Dadmin';
    const events = await api.watch(path);
    for (let event = await events.next(); !condition(JSON.stringify(event?.object['rules'])); ) {
      event = await events.next();
    }
    events.close();
  }

  test('default roles get back what was taken from them at the next start, and keep what was added', async () => {
    const patch = '{"rules":[{"verbs":["get"],"nonResourceURLs":["/extra"]}]}';
    await ok('patch', 'clusterrole', 'system:discovery', '--type=merge', '-p', patch);
    await ok('delete', 'clusterrolebinding', 'system:basic-user');
    await ok(
      'annotate',
      '--overwrite',
      'clusterrole',
      'system:auth-delegator',
      'rbac.authorization.kubernetes.io/autoupdate=false',
    );
    await ok('patch', 'clusterrole', 'system:auth-delegator', '--type=merge', '-p', patch);
    await api.restart();
    const described = await ok('describe', 'clusterrole', 'system:discovery');
    expect(described).toMatch(/\[\/extra\]/);
    expect(described).toMatch(/\[\/openapi\/\*\]/);
    await ok('get', 'clusterrolebinding', 'system:basic-user');
    expect(await ok('describe', 'clusterrole', 'system:auth-delegator')).not.toMatch(/tokenreviews/);
  });
});

test('who applies a binding whose role is gone hears of it, and nobody else waits', async () => {
  await ok('create', 'namespace', 'unbound');
  await ok('create', 'rolebinding', 'jane', '--clusterrole=admin', '--user=jane', '-n', 'unbound');
  const asJane = ['--as=jane', '-n', 'unbound'];
  await ok('create', 'role', 'reader', '--verb=get', '--resource=configmaps', ...asJane);
  const binding = (labels: object): string =>
    JSON.stringify({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'reading', labels },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' },
    });
  const apply = ['apply', '--server-side', '-f', '-', ...asJane];
  expect(await api.kubectlWith(binding({}), ...apply)).toMatchObject({ code: 0 });
  await ok('delete', 'role', 'reader', ...asJane);
  const { code, stderr } = await api.kubectlWith(binding({ changed: 'yes' }), ...apply);
  expect([code, stderr]).toEqual([
    1,
    'Error from server (NotFound): roles.rbac.authorization.k8s.io "reader" not found',
  ]);
});
