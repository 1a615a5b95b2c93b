import { describe, expect, test } from '@jest/globals';
import { admitBinding, admitRole } from '../../../../src/apiserver/authz/escalation.ts';
import { uncovered } from '../../../../src/apiserver/authz/rules.ts';
import type { PolicyRule } from '../../../../src/apiserver/authz/rules.ts';
import type { KubeObject } from '../../../../src/apiserver/object.ts';
import { binding, clusterRole, policyOf, role } from './policy.ts';

const rule = (verbs: string[], resources: string[], more: Partial<PolicyRule> = {}): PolicyRule => ({
  verbs,
  apiGroups: ['purlin.dev'],
  resources,
  ...more,
});

const parts = (held: PolicyRule[], wanted: PolicyRule[]): string[] =>
  uncovered(held, wanted).map(({ verbs, resources, resourceNames, nonResourceURLs }) =>
    [...verbs, ...(resources ?? []), ...(resourceNames ?? []), ...(nonResourceURLs ?? [])].join(' '),
  );

describe('what held rules do not cover', () => {
  test.each<[string, PolicyRule[], PolicyRule[], string[]]>([
    ['the same', [rule(['get'], ['machines'])], [rule(['get'], ['machines'])], []],
    [
      'verbs and resources one by one',
      [rule(['get'], ['machines', 'disks']), rule(['list'], ['machines'])],
      [rule(['get', 'list'], ['machines', 'disks'])],
      ['list disks'],
    ],
    [
      'a star needs a star',
      [rule(['get', 'list'], ['machines'])],
      [rule(['*'], ['machines'])],
      ['* machines'],
    ],
    ['a star covers', [rule(['*'], ['*'])], [rule(['get'], ['machines/status'])], []],
    ['*/status covers', [rule(['get'], ['*/status'])], [rule(['get'], ['machines/status'])], []],
    ['*/status is not *', [rule(['get'], ['*/status'])], [rule(['get'], ['machines'])], ['get machines']],
    [
      'one name is not all of them',
      [rule(['get'], ['machines'], { resourceNames: ['web'] })],
      [rule(['get'], ['machines'])],
      ['get machines'],
    ],
    [
      'names one by one',
      [rule(['get'], ['machines'], { resourceNames: ['web'] })],
      [rule(['get'], ['machines'], { resourceNames: ['web', 'db'] })],
      ['get machines db'],
    ],
    [
      'all names cover one',
      [rule(['get'], ['machines'])],
      [rule(['get'], ['machines'], { resourceNames: ['w'] })],
      [],
    ],
    [
      'URLs',
      [{ verbs: ['get'], nonResourceURLs: ['/api/*'] }],
      [{ verbs: ['get'], nonResourceURLs: ['/api/v1', '/api/*', '/apis'] }],
      ['get /apis'],
    ],
    [
      'another group',
      [rule(['get'], ['machines'])],
      [rule(['get'], ['machines'], { apiGroups: ['x'] })],
      ['get machines'],
    ],
  ])('%s', (_, held, wanted, missing) => {
    expect(parts(held, wanted)).toEqual(missing);
  });
});

const jane = { name: 'jane', groups: ['g'] };
const held = clusterRole('held', [rule(['get', 'list'], ['machines'])]);
const toJane = binding('jane', 'held', 'User', 'jane', 'a');
const own = policyOf(held, toJane);

describe('writing a role', () => {
  const write = (object: KubeObject, old?: KubeObject, policy = own, user = jane) => {
    const plural = `${object.kind.toLowerCase()}s`;
    admitRole(policy, { object, old, user, plural });
  };
  const small = role('small', 'a', [rule(['get'], ['machines'])]);
  const large = role('large', 'a', [rule(['get', 'delete'], ['machines']), rule(['delete'], ['disks'])]);

  test('what one holds may be given on, more may not', () => {
    expect(() => write(small)).not.toThrow();
    expect(() => write(large)).toThrow(
      'roles.rbac.authorization.k8s.io "large" is forbidden: user "jane" (groups=["g"]) is attempting to grant ' +
        'RBAC permissions not currently held:\n' +
        '{APIGroups:["purlin.dev"], Resources:["disks"], Verbs:["delete"]}\n' +
        '{APIGroups:["purlin.dev"], Resources:["machines"], Verbs:["delete"]}',
    );
  });

  test('what is held in one namespace counts there only', () => {
    expect(() => write(role('small', 'b', [rule(['get'], ['machines'])]))).toThrow(/not currently held/);
    expect(() => write(clusterRole('small', [rule(['get'], ['machines'])]))).toThrow(/not currently held/);
  });

  test('the verb escalate lifts it, and so does system:masters', () => {
    const rbac = { verbs: ['escalate'], apiGroups: ['rbac.authorization.k8s.io'], resources: ['roles'] };
    const may = policyOf(clusterRole('e', [rbac]), binding('e', 'e', 'User', 'jane', 'a'));
    expect(() => write(large, undefined, may)).not.toThrow();
    expect(() =>
      write(large, undefined, policyOf(), { name: 'x', groups: ['system:masters'] }),
    ).not.toThrow();
  });

  test('whoever cannot change it can still let it go', () => {
    const held2 = { ...large, metadata: { ...large.metadata, finalizers: ['x/y'] } };
    expect(() => write(large, held2)).not.toThrow();
    expect(() => write({ ...large, metadata: { ...large.metadata, labels: { a: 'b' } } }, large)).toThrow(
      /not currently held/,
    );
  });

  test('an aggregation rule needs everything, to set it and to take it away', () => {
    const gathering = { ...clusterRole('all', []), aggregationRule: { clusterRoleSelectors: [{}] } };
    const fault = /must have cluster-admin privileges to use the aggregationRule/;
    expect(() => write(gathering)).toThrow(fault);
    expect(() => write(clusterRole('all', []), gathering)).toThrow(fault);
    const everything = clusterRole('everything', [
      { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
      { verbs: ['*'], nonResourceURLs: ['*'] },
    ]);
    const admin = policyOf(everything, binding('b', 'everything', 'User', 'jane'));
    expect(() => write(gathering, undefined, admin)).not.toThrow();
  });
});

describe('binding a role', () => {
  const bind = (object: KubeObject, policy = own) => {
    admitBinding(policy, { object, old: undefined, user: jane, plural: 'rolebindings' });
  };

  test('one that one holds oneself, in that namespace', () => {
    expect(() => bind(binding('x', 'held', 'User', 'joe', 'a'))).not.toThrow();
    expect(() => bind(binding('x', 'held', 'User', 'joe', 'b'))).toThrow(/not currently held/);
    expect(() => bind(binding('x', 'held', 'User', 'joe'))).toThrow(/not currently held/);
  });

  test('one that does not exist is not found', () => {
    expect(() => bind(binding('x', 'gone', 'User', 'joe', 'a'))).toThrow(
      'clusterroles.rbac.authorization.k8s.io "gone" not found',
    );
  });

  test('the verb bind on just that role lifts it, also before it exists', () => {
    const may = clusterRole('binder', [
      {
        verbs: ['bind'],
        apiGroups: ['rbac.authorization.k8s.io'],
        resources: ['clusterroles'],
        resourceNames: ['big'],
      },
    ]);
    const big = clusterRole('big', [rule(['*'], ['*'])]);
    const policy = policyOf(may, big, binding('b', 'binder', 'User', 'jane', 'a'));
    expect(() => bind(binding('x', 'big', 'User', 'joe', 'a'), policy)).not.toThrow();
    expect(() => bind(binding('x', 'binder', 'User', 'joe', 'a'), policy)).not.toThrow();
    expect(() => bind(binding('x', 'other', 'User', 'joe', 'a'), policy)).toThrow(/not found/);
    expect(() => bind(binding('x', 'big', 'User', 'joe', 'b'), policy)).toThrow(/not currently held/);
  });
});
