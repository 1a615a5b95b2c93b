import { expect, test } from '@jest/globals';
import type { User } from '../../../../src/apiserver/authn/user.ts';
import { attributesOf } from '../../../../src/apiserver/authz/attributes.ts';
import { classify } from '../../../../src/apiserver/fairness/classify.ts';
import { seatsOf } from '../../../../src/apiserver/fairness/work.ts';

const people: Record<string, User> = {
  controllers: { name: 'system:apiserver', groups: ['system:masters', 'system:authenticated'] },
  admin: { name: 'purlin-admin', groups: ['system:masters', 'system:authenticated'] },
  'kube-system': account('kube-system'),
  'purlin-system': account('purlin-system'),
  tenant: account('team-a'),
  jane: { name: 'jane', groups: ['team-a', 'system:authenticated'] },
  nobody: { name: 'system:anonymous', groups: ['system:unauthenticated'] },
  liar: { name: 'system:serviceaccount:kube-system', groups: ['system:authenticated'] },
};

function account(namespace: string): User {
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'];
  return { name: `system:serviceaccount:${namespace}:worker`, groups };
}

const attributes = (method: string, url: string) => {
  const [path = '', search = ''] = url.split('?');
  return attributesOf({ method, path, query: new URLSearchParams(search) });
};

const LEASE = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/lead';
const MAPS = '/api/v1/configmaps';

test.each([
  ['controllers', 'GET', MAPS, 'system'],
  ['controllers', 'PUT', LEASE, 'leader-election'],
  ['controllers', 'DELETE', LEASE, 'system'],
  ['admin', 'GET', MAPS, 'administrators'],
  ['admin', 'PUT', LEASE, 'administrators'],
  ['kube-system', 'GET', MAPS, 'workload-high'],
  ['kube-system', 'PUT', LEASE, 'leader-election'],
  ['purlin-system', 'GET', MAPS, 'workload-high'],
  ['tenant', 'GET', MAPS, 'workload-low'],
  ['tenant', 'PUT', LEASE, 'workload-low'],
  ['jane', 'GET', MAPS, 'global-default'],
  ['jane', 'GET', '/openapi/v2', 'global-default'],
  ['liar', 'GET', MAPS, 'global-default'],
  ['nobody', 'GET', MAPS, 'catch-all'],
])('%s: %s %s is of level %s', (who, method, path, level) => {
  const user = people[who];
  if (!user) throw new Error(who);
  expect(classify(user, attributes(method, path))).toEqual({ level, user: user.name });
});

test.each([
  ['GET', `${MAPS}`, 1],
  ['GET', `${MAPS}`, 1, 100],
  ['GET', `${MAPS}`, 2, 101],
  ['GET', `${MAPS}`, 10, 100_000],
  ['GET', `${MAPS}?limit=500`, 5, 100_000],
  ['GET', `${MAPS}?limit=500`, 1, 30],
  ['GET', `${MAPS}?limit=500&labelSelector=a`, 10, 100_000],
  ['GET', `${MAPS}?limit=-1`, 3, 250],
  ['GET', `${MAPS}?limit=nonsense`, 3, 250],
  ['GET', `${MAPS}?watch=1`, 3, 250],
  ['GET', `${MAPS}?watch=1&resourceVersion=0`, 3, 250],
  ['GET', `${MAPS}?watch=1&resourceVersion=12`, 1, 250],
  ['GET', `${MAPS}?watch=1&resourceVersion=12&sendInitialEvents=true`, 3, 250],
  ['DELETE', '/api/v1/namespaces/a/configmaps', 3, 250],
  ['GET', '/api/v1/namespaces/a/configmaps/x', 1, 250],
  ['POST', '/api/v1/namespaces/a/configmaps', 1, 250],
  ['GET', '/apis', 1, 250],
])('%s %s takes %i seats', (method, url, seats, objects = 0) => {
  const query = new URLSearchParams(url.split('?')[1]);
  expect(seatsOf(attributes(method, url), query, () => objects)).toBe(seats);
});
