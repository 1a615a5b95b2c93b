import { expect, test } from '@jest/globals';
import { servedTests } from './expecting.ts';

const { api, ok, fails } = servedTests();

const widget = (name: string, metadata: object = {}): object => ({
  apiVersion: 'test.purlin.dev/v1alpha1',
  kind: 'Widget',
  metadata: { name, ...metadata },
  spec: { color: 'red' },
});
const widgets = (namespace: string): string =>
  `/apis/test.purlin.dev/v1alpha1/namespaces/${namespace}/widgets`;

/** A namespace with a quota that is counted. */
async function limited(namespace: string, hard: Record<string, string>): Promise<void> {
  await ok('create', 'namespace', namespace);
  // It comes a moment after the namespace, and counts.
  await ok('wait', '--for=create', 'configmap/kube-root-ca.crt', '-n', namespace);
  const list = Object.entries(hard).map(([name, amount]) => `${name}=${amount}`);
  await ok('create', 'quota', 'q', '-n', namespace, `--hard=${list.join(',')}`);
  await counted(namespace, Object.keys(hard)[0] ?? '');
}

const counted = (namespace: string, name: string, used?: string): Promise<string> =>
  ok(
    'wait',
    'quota/q',
    '--timeout=20s',
    `--namespace=${namespace}`,
    `--for=jsonpath={.status.used['${name.replaceAll('.', '\\.')}']}${used === undefined ? '' : `=${used}`}`,
  );

test('what is beyond the quota is refused, and what was deleted makes room', async () => {
  await limited('small', { 'count/widgets.test.purlin.dev': '2' });
  const create = (name: string) => api().call('POST', widgets('small'), widget(name));
  expect((await create('a')).status).toBe(201);
  expect((await create('b')).status).toBe(201);
  expect(await create('c')).toMatchObject({
    status: 403,
    body: {
      reason: 'Forbidden',
      message:
        'widgets.test.purlin.dev "c" is forbidden: exceeded quota: q, ' +
        'requested: count/widgets.test.purlin.dev=1, used: count/widgets.test.purlin.dev=2, ' +
        'limited: count/widgets.test.purlin.dev=2',
      details: { name: 'c', group: 'test.purlin.dev', kind: 'widgets' },
    },
  });
  await counted('small', 'count/widgets.test.purlin.dev', '2');
  await ok('delete', 'widget', 'a', '-n', 'small');
  await counted('small', 'count/widgets.test.purlin.dev', '1');
  expect((await create('c')).status).toBe(201);
  // Changes and statuses use nothing more.
  await ok('label', 'widget', 'c', '-n', 'small', 'a=b');
});

test('kubectl shows how much of a quota is used', async () => {
  await limited('shown', { 'count/widgets.test.purlin.dev': '1k', secrets: '5', pods: '3' });
  await api().call('POST', widgets('shown'), widget('a'));
  await counted('shown', 'count/widgets.test.purlin.dev', '1');
  expect(await ok('describe', 'quota', 'q', '-n', 'shown')).toMatch(
    /count\/widgets.test.purlin.dev\s+1\s+1k\n\s*pods\s+0\s+3\n\s*secrets\s+0\s+5/,
  );
  expect(await ok('get', 'quota', '-n', 'shown')).toMatch(
    /q\s+count\/widgets.test.purlin.dev: 1\/1k, pods: 0\/3, secrets: 0\/5/,
  );
});

test('of fifty that come at once just as many get in as there is room for', async () => {
  await limited('busy', { 'count/widgets.test.purlin.dev': '10' });
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, i) => api().call('POST', widgets('busy'), widget(`w${i}`))),
  );
  const tally = Map.groupBy(answers, ({ status }) => status);
  expect([tally.get(201)?.length, tally.get(403)?.length]).toEqual([10, 40]);
  expect((await ok('get', 'widgets', '-n', 'busy', '-o', 'name')).split('\n')).toHaveLength(10);
  await counted('busy', 'count/widgets.test.purlin.dev', '10');
});

test('dry runs are refused like others, and use nothing', async () => {
  await limited('dry', { 'count/configmaps': '2', configmaps: '2' });
  const create = (name: string, ...more: string[]) => ['create', 'configmap', name, '-n', 'dry', ...more];
  await ok(...create('a', '--dry-run=server'));
  await ok(...create('a'));
  const why =
    'exceeded quota: q, requested: configmaps=1,count/configmaps=1, ' +
    'used: configmaps=2,count/configmaps=2, limited: configmaps=2,count/configmaps=2';
  expect(await fails(...create('b', '--dry-run=server'))).toContain(why);
  expect(await fails(...create('b'))).toContain(why);
});

test('a quota may come before the kind that it counts', async () => {
  await ok('create', 'namespace', 'early');
  await ok('create', 'quota', 'q', '-n', 'early', '--hard=count/laters.example.com=1,configmaps=5');
  await counted('early', 'configmaps');
  const definition = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'laters.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { kind: 'Later', plural: 'laters' },
      versions: [
        { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } },
      ],
    },
  };
  await api().call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition);
  await counted('early', 'count/laters.example.com', '0');
  const later = (name: string) =>
    api().call('POST', '/apis/example.com/v1/namespaces/early/laters', {
      apiVersion: 'example.com/v1',
      kind: 'Later',
      metadata: { name },
    });
  expect([(await later('a')).status, (await later('b')).status]).toEqual([201, 403]);
});

test.each([
  ['machines', '1', 'must be a standard resource for quota'],
  ['count/secrets', '-1', 'must be greater than or equal to 0'],
  ['secrets', '1.5', 'must be an integer'],
  ['a/b/c', '1', 'a valid label key must consist of'],
])('%s: %s is no quota', async (name, amount, why) => {
  const quota = {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'bad' },
    spec: { hard: { [name]: amount } },
  };
  const { status, body } = await api().call('POST', '/api/v1/namespaces/default/resourcequotas', quota);
  expect(status).toBe(422);
  expect(body['message']).toContain(`spec.hard[${name}]: Invalid value: `);
  expect(body['message']).toContain(why);
});

test('scopes are refused with what to do instead', async () => {
  expect(await fails('create', 'quota', 'q', '--hard=pods=1', '--scopes=BestEffort')).toContain(
    'spec.scopes: Forbidden: scopes select Pods, which this server has not',
  );
});
