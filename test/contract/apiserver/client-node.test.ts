/** The project's own client library, unmodified: typed and dynamic clients, informers, patch strategies. */
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import {
  AuthorizationV1Api,
  CoordinationV1Api,
  CoreV1Api,
  CustomObjectsApi,
  KubeConfig,
  KubernetesObjectApi,
  PatchStrategy,
  Watch,
  makeInformer,
} from '@kubernetes/client-node';
import type { KubernetesObject, KubernetesListObject } from '@kubernetes/client-node';
import { EventEmitter, once } from 'node:events';
import { WIDGETS, startTestServer, widget } from './harness.ts';
import type { TestServer } from './harness.ts';

jest.setTimeout(60_000);

let api: TestServer;
let config: KubeConfig;
beforeAll(async () => {
  api = await startTestServer();
});
beforeEach(() => {
  config = new KubeConfig();
  config.loadFromFile(api.server.kubeconfigPath);
});
afterAll(() => api.stop());

const KIND = { group: 'test.purlin.dev', version: 'v1alpha1', namespace: 'default', plural: 'widgets' };
const namespace = 'default';

interface Widget extends KubernetesObject {
  spec?: { color?: string; note?: string; parts?: { name: string; weight?: number }[] };
}

describe('an informer', () => {
  /** Tells what it hears as `add NAME`, `update NAME`, …, and goes on after an error as its documentation says. */
  async function follow() {
    const objects = config.makeApiClient(CustomObjectsApi);
    const informer = makeInformer<Widget>(
      config,
      WIDGETS,
      () => objects.listNamespacedCustomObject(KIND) as Promise<KubernetesListObject<Widget>>,
    );
    const heard: string[] = [];
    const bell = new EventEmitter();
    for (const verb of ['add', 'update', 'delete'] as const)
      informer.on(verb, ({ metadata }) => {
        heard.push(`${verb} ${metadata?.name}`);
        bell.emit('heard');
      });
    let following = true;
    const start = async (): Promise<void> => {
      await informer.start().catch(() => (following ? start() : undefined));
    };
    informer.on('error', () => void (following && start()));
    await start();
    return {
      heard,
      informer,
      until: async (wanted: string) => {
        while (!heard.includes(wanted)) await once(bell, 'heard');
      },
      stop: async () => {
        following = false;
        await informer.stop();
      },
    };
  }

  test('follows a custom resource', async () => {
    const objects = config.makeApiClient(CustomObjectsApi);
    const { heard, until, stop } = await follow();
    await objects.createNamespacedCustomObject({ ...KIND, body: widget('informed') });
    await objects.patchNamespacedCustomObject({
      ...KIND,
      name: 'informed',
      body: [{ op: 'replace', path: '/spec/color', value: 'blue' }],
    });
    await objects.deleteNamespacedCustomObject({ ...KIND, name: 'informed' });
    await until('delete informed');
    await stop();
    expect(heard).toEqual(['add informed', 'update informed', 'delete informed']);
  });

  test('goes on after the server was restarted, and misses nothing', async () => {
    const objects = config.makeApiClient(CustomObjectsApi);
    await objects.createNamespacedCustomObject({ ...KIND, body: widget('before') });
    const { informer, until, stop } = await follow();
    await until('add before');
    await api.restart();
    await api.call('POST', WIDGETS, widget('after'));
    await until('add after');
    await api.call('DELETE', `${WIDGETS}/before`);
    await until('delete before');
    await stop();
    expect(informer.list(namespace).map(({ metadata }) => metadata?.name)).toContain('after');
    expect(informer.get('before', namespace)).toBeUndefined();
  });
});

describe('patch strategies', () => {
  const patch = (body: object, strategy: PatchStrategy, force?: boolean) =>
    config
      .makeApiClient(KubernetesObjectApi)
      .patch<Widget>(body as Widget, undefined, undefined, 'client-node', force, strategy);
  const named = (name: string, spec: object) => ({ ...widget(name), spec });

  test('merge, and strategic merge only for what is built in', async () => {
    await api.call('POST', WIDGETS, widget('patched', { note: 'some words' }));
    const merged = await patch(named('patched', { color: 'blue', note: null }), PatchStrategy.MergePatch);
    expect(merged.spec).toMatchObject({ color: 'blue' });
    expect(merged.spec).not.toHaveProperty('note');
    await expect(
      patch(named('patched', { color: 'red' }), PatchStrategy.StrategicMergePatch),
    ).rejects.toMatchObject({ code: 415 });
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'robot', namespace } };
    const secrets = (...names: string[]) => ({ ...account, secrets: names.map((name) => ({ name })) });
    await config.makeApiClient(CoreV1Api).createNamespacedServiceAccount({ namespace, body: secrets('a') });
    const strategic = await patch(secrets('b'), PatchStrategy.StrategicMergePatch);
    expect(new Set((strategic as unknown as { secrets: object[] }).secrets)).toEqual(
      new Set([{ name: 'a' }, { name: 'b' }]),
    );
  });

  test('apply creates, conflicts and is forced', async () => {
    const { metadata, spec } = await patch(widget('applied'), PatchStrategy.ServerSideApply);
    expect({ metadata, spec }).toMatchObject({
      metadata: { managedFields: [{ manager: 'client-node', operation: 'Apply' }] },
      spec: { color: 'red' },
    });
    await api.call(
      'PATCH',
      `${WIDGETS}/applied?fieldManager=other`,
      { spec: { color: 'green' } },
      { 'content-type': 'application/merge-patch+json' },
    );
    await expect(patch(widget('applied'), PatchStrategy.ServerSideApply)).rejects.toMatchObject({
      code: 409,
    });
    expect((await patch(widget('applied'), PatchStrategy.ServerSideApply, true)).spec?.color).toBe('red');
  });
});

test('objects of any kind, found by discovery', async () => {
  const objects = config.makeApiClient(KubernetesObjectApi);
  const created = await objects.create<KubernetesObject>({
    ...widget('generic'),
    metadata: { name: 'generic', namespace },
  });
  expect(created.metadata?.uid).toBeDefined();
  const read = await objects.read<Widget>({ ...widget(''), metadata: { name: 'generic', namespace } });
  read.spec = { ...read.spec, color: 'green' };
  expect((await objects.replace(read)).spec?.color).toBe('green');
  await expect(objects.replace(read)).rejects.toMatchObject({ code: 409 });
  expect(await objects.delete(read)).toMatchObject({ status: 'Success' });
});

test('typed clients of built-in kinds', async () => {
  const core = config.makeApiClient(CoreV1Api);
  const body = { metadata: { name: 's' }, stringData: { a: 'b' } };
  await core.createNamespacedSecret({ namespace, body });
  expect((await core.readNamespacedSecret({ namespace, name: 's' })).data).toEqual({ a: 'Yg==' });
  const leases = config.makeApiClient(CoordinationV1Api);
  const lease = await leases.createNamespacedLease({
    namespace,
    body: { metadata: { name: 'lead' }, spec: { holderIdentity: 'a', leaseDurationSeconds: 15 } },
  });
  await leases.replaceNamespacedLease({ namespace, name: 'lead', body: lease });
  const { status } = await config.makeApiClient(AuthorizationV1Api).createSelfSubjectAccessReview({
    body: { spec: { resourceAttributes: { verb: 'create', group: KIND.group, resource: KIND.plural } } },
  });
  expect(status?.allowed).toBe(true);
  await expect(core.readNamespacedSecret({ namespace, name: 'none' })).rejects.toMatchObject({ code: 404 });
});

test('long lists come in pages that agree', async () => {
  const core = config.makeApiClient(CoreV1Api);
  for (let i = 0; i < 5; i++)
    await core.createNamespacedConfigMap({
      namespace,
      body: { metadata: { name: `page-${i}`, labels: { in: 'pages' } } },
    });
  const names: string[] = [];
  let token: string | undefined;
  do {
    const page = await core.listNamespacedConfigMap({
      namespace,
      labelSelector: 'in=pages',
      limit: 2,
      ...(token && { _continue: token }),
    });
    names.push(...page.items.map(({ metadata }) => metadata?.name ?? ''));
    token = page.metadata?._continue;
    if (names.length === 2) await core.deleteNamespacedConfigMap({ namespace, name: 'page-4' });
  } while (token);
  expect(names).toEqual(['page-0', 'page-1', 'page-2', 'page-3', 'page-4']);
});

test('a watch that began too long ago is told so', async () => {
  const ended = new Promise<unknown>((resolve, reject) => {
    void new Watch(config).watch(
      WIDGETS,
      { resourceVersion: '999999999' },
      (type, object) => (type === 'ERROR' ? resolve(object) : undefined),
      reject,
    );
  });
  expect(await ended).toMatchObject({ kind: 'Status', code: 410, reason: 'Expired' });
});
