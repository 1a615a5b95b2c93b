import { expect, test } from '@jest/globals';
import { readCrdFiles } from '../../../../src/apiserver/crd/files.ts';
import { aggregatedRules } from '../../../../src/apiserver/authz/aggregation.ts';
import { DEFAULT_BINDINGS, DEFAULT_ROLES } from '../../../../src/apiserver/authz/default-roles.ts';
import { evaluate } from '../../../../src/apiserver/authz/evaluate.ts';
import type { KubeObject } from '../../../../src/apiserver/object.ts';
import { binding, policyOf } from './policy.ts';

/** As they are after the server has started: aggregated from the innermost outwards. */
function startedRoles(): KubeObject[] {
  const roles = structuredClone(DEFAULT_ROLES) as KubeObject[];
  for (const name of ['view', 'edit', 'admin']) {
    const role = roles.find(({ metadata }) => metadata.name === name);
    if (role) role['rules'] = aggregatedRules(role, roles);
  }
  return roles;
}

const inTeam = ['view', 'edit', 'admin'].map((level) => binding(level, level, 'User', level, 'team'));
const policy = policyOf(...startedRoles(), ...DEFAULT_BINDINGS, ...inTeam);
const can = (name: string, verb: string, resource: string, group = 'purlin.dev', namespace = 'team') =>
  evaluate(policy, { name, groups: ['system:authenticated'] }, { verb, group, resource, namespace }).allowed;

const crds = await readCrdFiles(new URL('../../../../crds', import.meta.url).pathname);
const plurals = crds.map(({ spec }) => spec.names.plural);

test.each(plurals)('view, edit and admin may read %s and its status', (plural) => {
  for (const user of ['view', 'edit', 'admin']) {
    expect(can(user, 'watch', plural)).toBe(true);
    expect(
      evaluate(
        policy,
        { name: user, groups: [] },
        {
          verb: 'get',
          group: 'purlin.dev',
          resource: plural,
          subresource: 'status',
          namespace: 'team',
        },
      ).allowed,
    ).toBe(true);
  }
});

test.each([
  ['machines', 'purlin.dev', false, true, true],
  ['disks', 'purlin.dev', false, true, true],
  ['hosts', 'purlin.dev', false, false, false],
  ['placements', 'purlin.dev', false, false, false],
  ['ipaddresses', 'purlin.dev', false, false, false],
  ['configmaps', '', false, true, true],
  ['secrets', '', false, true, true],
  ['rolebindings', 'rbac.authorization.k8s.io', false, false, true],
  ['clusterrolebindings', 'rbac.authorization.k8s.io', false, false, false],
  ['namespaces', '', false, false, false],
])('who may write %s', (plural, group, view, edit, admin) => {
  expect(['view', 'edit', 'admin'].map((user) => can(user, 'create', plural, group))).toEqual([
    view,
    edit,
    admin,
  ]);
});

test('view does not read Secrets, and nobody reads another namespace', () => {
  expect(can('view', 'get', 'secrets', '')).toBe(false);
  expect(can('edit', 'get', 'secrets', '')).toBe(true);
  expect(plurals.filter((plural) => can('admin', 'list', plural, 'purlin.dev', 'other'))).toEqual([]);
});

test('whoever was let in may discover and ask what it may do', () => {
  const anybody = { name: 'x', groups: ['system:authenticated'] };
  const paths = ['/api', '/apis/purlin.dev/v1alpha1', '/openapi/v3', '/metrics'];
  expect(paths.map((path) => evaluate(policy, anybody, { verb: 'get', path }).allowed)).toEqual([
    true,
    true,
    true,
    false,
  ]);
  expect(can('x', 'create', 'selfsubjectaccessreviews', 'authorization.k8s.io')).toBe(true);
  expect(can('x', 'create', 'subjectaccessreviews', 'authorization.k8s.io')).toBe(false);
});
