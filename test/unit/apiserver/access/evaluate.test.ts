import { describe, expect, test } from '@jest/globals';
import type { Attributes } from '../../../../src/apiserver/authz/attributes.ts';
import { evaluate } from '../../../../src/apiserver/authz/evaluate.ts';
import type { PolicyRule } from '../../../../src/apiserver/authz/rules.ts';
import { binding, clusterRole, policyOf, role } from './policy.ts';

const jane = { name: 'jane', groups: ['team-a', 'system:authenticated'] };

const list = (resource: string, more: object = {}): Attributes => ({
  verb: 'list',
  group: 'purlin.dev',
  resource,
  namespace: 'a',
  ...more,
});

/** What somebody bound to these rules everywhere may do. */
const allows = (rule: PolicyRule, wanted: Attributes): boolean =>
  evaluate(policyOf(clusterRole('r', [rule]), binding('b', 'r', 'User', 'jane')), jane, wanted).allowed;

const machines: PolicyRule = { verbs: ['list'], apiGroups: ['purlin.dev'], resources: ['machines'] };

describe('one rule', () => {
  test.each<[string, PolicyRule, Attributes, boolean]>([
    ['the very thing', machines, list('machines'), true],
    ['another verb', machines, { ...list('machines'), verb: 'watch' }, false],
    ['another group', machines, list('machines', { group: '' }), false],
    ['another resource', machines, list('disks'), false],
    ['a subresource is not its resource', machines, list('machines', { subresource: 'status' }), false],
    ['every verb', { ...machines, verbs: ['*'] }, { ...list('machines'), verb: 'escalate' }, true],
    ['every group', { ...machines, apiGroups: ['*'] }, list('machines', { group: 'x' }), true],
    ['every resource', { ...machines, resources: ['*'] }, list('disks'), true],
    ['* has subresources too', { ...machines, resources: ['*'] }, list('disks', { subresource: 's' }), true],
    [
      'a subresource',
      { ...machines, resources: ['machines/status'] },
      list('machines', { subresource: 'status' }),
      true,
    ],
    [
      'that subresource of everything',
      { ...machines, resources: ['*/status'] },
      list('disks', { subresource: 'status' }),
      true,
    ],
    [
      'another subresource',
      { ...machines, resources: ['*/status'] },
      list('disks', { subresource: 'scale' }),
      false,
    ],
    ['*/status is no resource', { ...machines, resources: ['*/status'] }, list('disks'), false],
    [
      'machines/* means nothing in Kubernetes',
      { ...machines, resources: ['machines/*'] },
      list('machines', { subresource: 'status' }),
      false,
    ],
    ['a name', { ...machines, resourceNames: ['web'] }, list('machines', { name: 'web' }), true],
    ['another name', { ...machines, resourceNames: ['web'] }, list('machines', { name: 'db' }), false],
    ['no name where one is needed', { ...machines, resourceNames: ['web'] }, list('machines'), false],
    ['* is no name', { ...machines, resourceNames: ['*'] }, list('machines', { name: 'web' }), false],
    ['a path is no resource', machines, { verb: 'list', path: '/machines' }, false],
    ['a URL', { verbs: ['get'], nonResourceURLs: ['/api'] }, { verb: 'get', path: '/api' }, true],
    ['below a URL', { verbs: ['get'], nonResourceURLs: ['/api'] }, { verb: 'get', path: '/api/v1' }, false],
    ['below a star', { verbs: ['get'], nonResourceURLs: ['/api/*'] }, { verb: 'get', path: '/api/v1' }, true],
    ['beside a star', { verbs: ['get'], nonResourceURLs: ['/api/*'] }, { verb: 'get', path: '/api' }, false],
    ['every URL', { verbs: ['get'], nonResourceURLs: ['*'] }, { verb: 'get', path: '/x' }, true],
    ['a resource is no URL', { verbs: ['*'], nonResourceURLs: ['*'] }, list('machines'), false],
  ])('%s', (_, rule, wanted, allowed) => {
    expect(allows(rule, wanted)).toBe(allowed);
  });
});

describe('bindings', () => {
  const reader = clusterRole('reader', [machines]);

  test.each([
    ['the user', binding('b', 'reader', 'User', 'jane'), true],
    ['another user', binding('b', 'reader', 'User', 'joe'), false],
    ['a group of hers', binding('b', 'reader', 'Group', 'team-a'), true],
    ['a group named like her', binding('b', 'reader', 'Group', 'jane'), false],
    ['in the namespace', binding('b', 'reader', 'User', 'jane', 'a'), true],
    ['in another namespace', binding('b', 'reader', 'User', 'jane', 'b'), false],
  ])('for %s', (_, bound, allowed) => {
    expect(evaluate(policyOf(reader, bound), jane, list('machines')).allowed).toBe(allowed);
  });

  test('one in a namespace gives nothing at the cluster scope, of paths or of other namespaces', () => {
    const all = clusterRole('all', [
      { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
      { verbs: ['*'], nonResourceURLs: ['*'] },
    ]);
    const policy = policyOf(all, binding('b', 'all', 'User', 'jane', 'a'));
    const asked: Attributes[] = [
      { verb: 'list', group: 'purlin.dev', resource: 'machines' },
      list('machines', { namespace: 'b' }),
      { verb: 'get', path: '/metrics' },
    ];
    expect(asked.map((wanted) => evaluate(policy, jane, wanted).allowed)).toEqual([false, false, false]);
    expect(evaluate(policy, jane, list('secrets', { group: '' })).allowed).toBe(true);
  });

  test('a ServiceAccount is looked for in the namespace of the binding unless it names another', () => {
    const robot = { name: 'system:serviceaccount:a:robot', groups: [] };
    const local = policyOf(reader, binding('b', 'reader', 'ServiceAccount', 'robot', 'a'));
    expect(evaluate(local, robot, list('machines'))).toEqual({
      allowed: true,
      reason: 'RBAC: allowed by RoleBinding "b/a" of ClusterRole "reader" to ServiceAccount "robot/a"',
    });
    const foreign = binding('b', 'reader', 'ServiceAccount', 'robot', 'b', 'a');
    expect(evaluate(policyOf(reader, foreign), robot, list('machines', { namespace: 'b' })).allowed).toBe(
      true,
    );
    expect(evaluate(policyOf(reader, foreign), robot, list('machines')).allowed).toBe(false);
  });

  test('a Role is of one namespace, and no ClusterRole of that name takes its place', () => {
    const bound = binding('b', 'local', 'User', 'jane', 'a');
    const toRole = { ...bound, roleRef: { ...(bound['roleRef'] as object), kind: 'Role' } };
    expect(evaluate(policyOf(role('local', 'a', [machines]), toRole), jane, list('machines')).allowed).toBe(
      true,
    );
    const others = policyOf(role('local', 'b', [machines]), clusterRole('local', [machines]), toRole);
    expect(evaluate(others, jane, list('machines'))).toEqual({
      allowed: false,
      reason: 'RBAC: role.rbac.authorization.k8s.io "local" not found',
    });
  });

  test('a missing role does not hide what another binding allows', () => {
    const policy = policyOf(
      reader,
      binding('a', 'gone', 'User', 'jane'),
      binding('b', 'reader', 'Group', 'team-a'),
    );
    expect(evaluate(policy, jane, list('machines')).allowed).toBe(true);
  });

  test('members of system:masters may do everything, without any role', () => {
    const master = { name: 'x', groups: ['system:masters'] };
    expect(evaluate(policyOf(), master, list('machines'))).toEqual({ allowed: true, reason: '' });
    expect(evaluate(policyOf(), jane, list('machines'))).toEqual({ allowed: false, reason: '' });
  });
});

describe('changes', () => {
  test('a binding that goes, or loses a subject, gives nothing any more', () => {
    const reader = clusterRole('reader', [machines]);
    const bound = binding('b', 'reader', 'User', 'jane');
    const policy = policyOf(reader, bound);
    const withoutJane = binding('b', 'reader', 'User', 'joe');
    policy.observe(withoutJane, bound);
    expect(evaluate(policy, jane, list('machines')).allowed).toBe(false);
    policy.observe(bound, withoutJane);
    expect(evaluate(policy, jane, list('machines')).allowed).toBe(true);
    policy.observe(undefined, bound);
    expect(evaluate(policy, jane, list('machines')).allowed).toBe(false);
  });

  test('a role that changes changes what its bindings give', () => {
    const reader = clusterRole('reader', [machines]);
    const policy = policyOf(reader, binding('b', 'reader', 'User', 'jane'));
    const narrower = clusterRole('reader', [{ ...machines, resources: ['disks'] }]);
    policy.observe(narrower, reader);
    expect(evaluate(policy, jane, list('machines')).allowed).toBe(false);
    policy.observe(undefined, narrower);
    expect(evaluate(policy, jane, list('disks')).reason).toMatch(/"reader" not found/);
  });
});
