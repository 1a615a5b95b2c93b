import { expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_POLICY } from '../../../../src/apiserver/audit/default-policy.ts';
import { readAuditPolicy, validatePolicy } from '../../../../src/apiserver/audit/policy-file.ts';
import { extentOf } from '../../../../src/apiserver/audit/policy.ts';
import type { AuditPolicy } from '../../../../src/apiserver/audit/policy.ts';
import { attributesOf } from '../../../../src/apiserver/authz/attributes.ts';

const attributes = (method: string, url: string) => {
  const [path = '', search = ''] = url.split('?');
  return attributesOf({ method, path, query: new URLSearchParams(search) });
};
const jane = { name: 'jane', groups: ['devs', 'system:authenticated'] };
const controllers = { name: 'system:apiserver', groups: ['system:masters'] };
const MAPS = '/api/v1/namespaces/team/configmaps';
const MACHINES = '/apis/purlin.dev/v1alpha1/namespaces/team/machines';

const policy: AuditPolicy = {
  rules: [
    { level: 'None', users: ['system:apiserver'] },
    { level: 'Metadata', nonResourceURLs: ['/healthz*', '/version'] },
    {
      level: 'Request',
      resources: [{ group: '', resources: ['configmaps'], resourceNames: ['watched'] }],
      verbs: ['update'],
    },
    { level: 'RequestResponse', resources: [{ group: 'purlin.dev', resources: ['machines', '*/scale'] }] },
    { level: 'Request', resources: [{ group: 'purlin.dev', resources: ['disks/*'] }] },
    { level: 'Metadata', namespaces: [''], resources: [{ group: '*' }] },
    { level: 'Request', userGroups: ['devs'], namespaces: ['team'] },
  ],
};

test.each([
  [controllers, 'PUT', `${MAPS}/watched`, 'None'],
  [jane, 'PUT', `${MAPS}/watched`, 'Request'],
  [jane, 'GET', '/healthz/ping', 'Metadata'],
  [undefined, 'GET', '/version', 'Metadata'],
  [jane, 'GET', '/apis', 'None'],
  [jane, 'GET', `${MACHINES}/web`, 'RequestResponse'],
  [jane, 'PUT', `${MACHINES}/web/status`, 'Request'],
  [jane, 'PUT', `${MACHINES}/web/scale`, 'RequestResponse'],
  [jane, 'PUT', '/apis/purlin.dev/v1alpha1/namespaces/other/disks/a/status', 'Request'],
  [jane, 'PUT', '/apis/purlin.dev/v1alpha1/namespaces/other/disks/a', 'Request'],
  [jane, 'PUT', '/apis/purlin.dev/v1alpha1/namespaces/other/subnets/a', 'None'],
  [jane, 'GET', '/apis/purlin.dev/v1alpha1/hosts', 'Metadata'],
  [undefined, 'GET', MAPS, 'None'],
])('%j: %s %s is noted at level %s', (user, method, url, level) => {
  expect(extentOf(policy, user, attributes(method, url)).level).toBe(level);
});

test.each([
  [jane, 'POST', MAPS, 'Metadata'],
  [jane, 'GET', MAPS, 'None'],
  [jane, 'GET', '/api/v1/namespaces/team/secrets', 'Metadata'],
  [controllers, 'GET', '/api/v1/namespaces/team/secrets?watch=1', 'None'],
  [controllers, 'POST', MAPS, 'Metadata'],
  [controllers, 'PUT', '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/a', 'None'],
  [jane, 'GET', '/openapi/v2', 'None'],
])('by default %j: %s %s is noted at level %s', (user, method, url, level) => {
  expect(extentOf(DEFAULT_POLICY, user, attributes(method, url)).level).toBe(level);
});

test('what a rule says of stages adds to what the policy says; of managed fields it wins', () => {
  const rule = { level: 'Metadata', omitStages: ['ResponseStarted'], omitManagedFields: false } as const;
  const both = { omitStages: ['RequestReceived'], omitManagedFields: true, rules: [rule] } as const;
  expect(extentOf(both, jane, attributes('GET', MAPS))).toEqual({
    level: 'Metadata',
    omitStages: new Set(['RequestReceived', 'ResponseStarted']),
    omitManagedFields: false,
  });
});

const valid = { apiVersion: 'audit.k8s.io/v1', kind: 'Policy' };

test.each([
  [{ rules: [{ level: 'Metadata' }] }, ['apiVersion', 'kind']],
  [{ ...valid }, ['rules']],
  [{ ...valid, rules: 'all' }, ['rules', 'rules']],
  [{ ...valid, rules: [{}] }, ['rules[0].level']],
  [{ ...valid, rules: [{ level: 'metadata' }] }, ['rules[0].level']],
  [{ ...valid, rules: [{ level: 'None', user: ['x'] }] }, ['rules[0].user']],
  [{ ...valid, rules: [{ level: 'None', users: 'x' }] }, ['rules[0].users']],
  [{ ...valid, rules: [{ level: 'None', omitStages: ['Never'] }] }, ['rules[0].omitStages[0]']],
  [
    { ...valid, rules: [{ level: 'None', nonResourceURLs: ['health', '/a*b'] }] },
    ['rules[0].nonResourceURLs[0]', 'rules[0].nonResourceURLs[1]'],
  ],
  [
    { ...valid, rules: [{ level: 'None', nonResourceURLs: ['/a'], namespaces: ['b'] }] },
    ['rules[0].nonResourceURLs'],
  ],
  [
    { ...valid, rules: [{ level: 'None', resources: [{ group: 'apps/v1' }] }] },
    ['rules[0].resources[0].group'],
  ],
  [
    { ...valid, rules: [{ level: 'None', resources: [{ resourceNames: ['a'] }] }] },
    ['rules[0].resources[0].resourceNames'],
  ],
  [{ ...valid, rules: [{ level: 'Metadata' }], omitStages: ['Panic'] }, []],
])('%j is at fault in %j', (given, fields) => {
  expect(validatePolicy(given).map(({ field }) => field)).toEqual(fields);
});

test('a faulty file is named with its fields', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'purlin-audit-'));
  const file = join(directory, 'policy.yaml');
  await writeFile(file, 'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: All\n');
  await expect(readAuditPolicy(file)).rejects.toThrow(
    `${file}: rules[0].level: Unsupported value: "All": supported values: "None", "Metadata", "Request", "RequestResponse"`,
  );
  await expect(readAuditPolicy(join(directory, 'none.yaml'))).rejects.toThrow(/none\.yaml: ENOENT/);
  await rm(directory, { recursive: true });
});
