import { describe, expect, test } from '@jest/globals';
import { impersonate } from '../../../../src/apiserver/authn/impersonation.ts';
import { aggregatedRules } from '../../../../src/apiserver/authz/aggregation.ts';
import { attributesOf } from '../../../../src/apiserver/authz/attributes.ts';
import { requireAccess } from '../../../../src/apiserver/authz/require.ts';
import { ApiError } from '../../../../src/apiserver/errors.ts';
import { binding, clusterRole, policyOf } from './policy.ts';

const asked = (line: string) => {
  const [method = '', url = ''] = line.split(' ');
  const [path = '', query = ''] = url.split('?');
  return attributesOf({ method, path, query: new URLSearchParams(query) });
};

const M = '/apis/purlin.dev/v1alpha1';
const machines = { group: 'purlin.dev', resource: 'machines' };

test.each([
  [`GET ${M}/machines`, { verb: 'list', ...machines }],
  [`GET ${M}/machines?watch=true`, { verb: 'watch', ...machines }],
  [`GET ${M}/machines?watch=0`, { verb: 'list', ...machines }],
  [`GET ${M}/namespaces/a/machines`, { verb: 'list', ...machines, namespace: 'a' }],
  [`HEAD ${M}/namespaces/a/machines/m`, { verb: 'get', ...machines, namespace: 'a', name: 'm' }],
  [`POST ${M}/namespaces/a/machines`, { verb: 'create', ...machines, namespace: 'a' }],
  [`PUT ${M}/namespaces/a/machines/m`, { verb: 'update', ...machines, namespace: 'a', name: 'm' }],
  [
    `PATCH ${M}/namespaces/a/machines/m/status`,
    { verb: 'patch', ...machines, subresource: 'status', namespace: 'a', name: 'm' },
  ],
  [`DELETE ${M}/namespaces/a/machines/m`, { verb: 'delete', ...machines, namespace: 'a', name: 'm' }],
  [`DELETE ${M}/namespaces/a/machines`, { verb: 'deletecollection', ...machines, namespace: 'a' }],
  [
    `GET ${M}/namespaces/a/machines?fieldSelector=metadata.name%3Dm`,
    { verb: 'list', ...machines, namespace: 'a', name: 'm' },
  ],
  [
    `GET ${M}/namespaces/a/machines?fieldSelector=metadata.name!%3Dm`,
    { verb: 'list', ...machines, namespace: 'a' },
  ],
  [
    `DELETE ${M}/namespaces/a/machines?fieldSelector=metadata.name%3Dm`,
    { verb: 'deletecollection', ...machines, namespace: 'a' },
  ],
  ['GET /api/v1/namespaces', { verb: 'list', group: '', resource: 'namespaces' }],
  ['GET /api/v1/namespaces/a', { verb: 'get', group: '', resource: 'namespaces', namespace: 'a', name: 'a' }],
  [
    'PUT /api/v1/namespaces/a/finalize',
    { verb: 'update', group: '', resource: 'namespaces', subresource: 'finalize', namespace: 'a', name: 'a' },
  ],
  [
    'POST /api/v1/namespaces/a/serviceaccounts/robot/token',
    {
      verb: 'create',
      group: '',
      resource: 'serviceaccounts',
      subresource: 'token',
      namespace: 'a',
      name: 'robot',
    },
  ],
  ['GET /apis', { verb: 'get', path: '/apis' }],
  ['GET /apis/purlin.dev/v1alpha1', { verb: 'get', path: '/apis/purlin.dev/v1alpha1' }],
  ['POST /openapi/v2', { verb: 'post', path: '/openapi/v2' }],
])('%s', (line, attributes) => {
  expect(asked(line)).toEqual(attributes);
});

test.each(['a%2Fsecret', '..', '.'])('a part that is no name (%s) is found nowhere', (name) => {
  expect(() => asked(`GET /api/v1/namespaces/a/secrets/${name}`)).toThrow(ApiError);
});

describe('refusals', () => {
  const jane = { name: 'jane', groups: [] };
  const refusal = (line: string): ApiError => {
    try {
      requireAccess(policyOf(), jane, asked(line));
    } catch (error) {
      return error as ApiError;
    }
    throw new Error('it was allowed');
  };

  test.each([
    [
      `GET ${M}/namespaces/default/machines`,
      'machines.purlin.dev is forbidden: User "jane" cannot list resource "machines" in API group "purlin.dev" in the namespace "default"',
      { group: 'purlin.dev', kind: 'machines' },
    ],
    [
      'GET /api/v1/namespaces/a/secrets/s',
      'secrets "s" is forbidden: User "jane" cannot get resource "secrets" in API group "" in the namespace "a"',
      { name: 's', kind: 'secrets' },
    ],
    [
      `PATCH ${M}/hosts/h/status`,
      'hosts.purlin.dev "h" is forbidden: User "jane" cannot patch resource "hosts/status" in API group "purlin.dev" at the cluster scope',
      { name: 'h', group: 'purlin.dev', kind: 'hosts' },
    ],
    ['GET /metrics', 'forbidden: User "jane" cannot get path "/metrics"', {}],
    ['GET /<b>', 'forbidden: User "jane" cannot get path "/&lt;b&gt;"', {}],
  ])('%s', (line, message, details) => {
    expect(refusal(line).toStatus()).toMatchObject({ code: 403, reason: 'Forbidden', message, details });
  });
});

describe('impersonation', () => {
  const admin = { name: 'admin', groups: ['system:masters'] };
  const as = (...headers: [string, string][]) => impersonate({ headers }, admin, policyOf());

  test('the groups, UID and extra fields are those asked for', () => {
    const user = as(
      ['impersonate-user', 'jane'],
      ['impersonate-group', 'a,b'],
      ['impersonate-group', 'c'],
      ['impersonate-uid', '7'],
      ['impersonate-extra-acme.com%2fproject', 'x'],
      ['impersonate-extra-acme.com%2fproject', 'y'],
    );
    expect(user).toEqual({
      name: 'jane',
      groups: ['a,b', 'c', 'system:authenticated'],
      uid: '7',
      extra: { 'acme.com/project': ['x', 'y'] },
    });
  });

  test.each([
    [
      'system:serviceaccount:a:robot',
      ['system:serviceaccounts', 'system:serviceaccounts:a', 'system:authenticated'],
    ],
    ['system:anonymous', ['system:unauthenticated']],
    ['jane', ['system:authenticated']],
  ])('%s is in the groups of such a user', (name, groups) => {
    expect(as(['impersonate-user', name])).toEqual({ name, groups });
  });

  test('without a user there is nothing to impersonate', () => {
    expect(as(['accept', 'x'])).toBe(admin);
    expect(() => as(['impersonate-group', 'a'])).toThrow(/only together with a user/);
  });

  test('each part must be allowed', () => {
    const bob = { name: 'bob', groups: [] };
    const rules = [
      { verbs: ['impersonate'], apiGroups: [''], resources: ['users'], resourceNames: ['jane'] },
    ];
    const policy = policyOf(clusterRole('r', rules), binding('b', 'r', 'User', 'bob'));
    const bobAs = (...headers: [string, string][]) => impersonate({ headers }, bob, policy);
    expect(bobAs(['impersonate-user', 'jane']).name).toBe('jane');
    expect(() => bobAs(['impersonate-user', 'joe'])).toThrow(
      'users "joe" is forbidden: User "bob" cannot impersonate resource "users" in API group "" at the cluster scope',
    );
    expect(() => bobAs(['impersonate-user', 'jane'], ['impersonate-group', 'system:masters'])).toThrow(
      /cannot impersonate resource "groups"/,
    );
    expect(() => bobAs(['impersonate-user', 'jane'], ['impersonate-extra-k', 'v'])).toThrow(
      /"userextras\/k" in API group "authentication.k8s.io"/,
    );
    expect(() => bobAs(['impersonate-user', 'jane'], ['impersonate-uid', '0'])).toThrow(/"uids"/);
    expect(() => bobAs(['impersonate-user', 'system:serviceaccount:a:robot'])).toThrow(
      /serviceaccounts "robot" is forbidden: .* in the namespace "a"/,
    );
  });
});

describe('aggregation', () => {
  const get = (resource: string) => ({ verbs: ['get'], apiGroups: [''], resources: [resource] });
  const gathering = (...clusterRoleSelectors: object[]) => ({
    ...clusterRole('all', [get('old')], { part: 'a' }),
    aggregationRule: { clusterRoleSelectors },
  });
  const others = [
    clusterRole('z', [get('z'), get('shared')], { part: 'a' }),
    clusterRole('b', [get('b'), get('shared')], { part: 'b' }),
  ];
  const resources = (...selectors: object[]) => {
    const role = gathering(...selectors);
    return aggregatedRules(role, [role, ...others])?.map((rule) => rule.resources?.[0]);
  };

  test.each([
    ['by label', [{ matchLabels: { part: 'a' } }], ['z', 'shared']],
    [
      'by each selector',
      [{ matchLabels: { part: 'a' } }, { matchLabels: { part: 'b' } }],
      ['z', 'shared', 'b'],
    ],
    ['everything but itself, each rule once', [{}], ['b', 'shared', 'z']],
    ['In', [{ matchExpressions: [{ key: 'part', operator: 'In', values: ['b'] }] }], ['b', 'shared']],
    ['NotIn', [{ matchExpressions: [{ key: 'part', operator: 'NotIn', values: ['b'] }] }], ['z', 'shared']],
    ['Exists', [{ matchExpressions: [{ key: 'x', operator: 'Exists' }] }], []],
    ['DoesNotExist', [{ matchExpressions: [{ key: 'part', operator: 'DoesNotExist' }] }], []],
  ])('%s', (_, selectors, expected) => {
    expect(resources(...selectors)).toEqual(expected);
  });

  test('a role without a rule of aggregation is left alone', () => {
    expect(aggregatedRules(others[0] ?? clusterRole('x', []), others)).toBeUndefined();
  });
});
