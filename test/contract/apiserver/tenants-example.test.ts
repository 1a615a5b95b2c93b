import { expect, test } from '@jest/globals';
import { servedTests } from './expecting.ts';

const CRDS = new URL('../../../crds', import.meta.url).pathname;
const EXAMPLE = new URL('../../../examples/tenants', import.meta.url).pathname;

const { api, ok } = servedTests(CRDS);

const machine = (name: string, size: object, namespace = 'acme'): string =>
  JSON.stringify({
    apiVersion: 'purlin.dev/v1alpha1',
    kind: 'Machine',
    metadata: { name, namespace },
    spec: { cpus: 1, memory: '1Gi', ...size },
  });

const image = (namespace: string): string =>
  JSON.stringify({
    apiVersion: 'purlin.dev/v1alpha1',
    kind: 'Image',
    metadata: { name: 'private', namespace },
    spec: { source: { file: '/srv/images/private.qcow2' } },
  });

test('tenants get what the example grants them, and no more', async () => {
  await ok('apply', '-f', EXAMPLE);
  // Applied again nothing changes.
  expect(await ok('apply', '-f', EXAMPLE)).not.toContain('configured');
  const apply = async (given: string) => {
    const { code, stderr } = await api().kubectlWith(given, 'apply', '-f', '-');
    return code === 0 ? 'applied' : stderr;
  };
  expect(await apply(machine('wide', { cpus: 5 }))).toContain('a Machine has at most 4 CPUs here');
  expect(await apply(machine('large', { memory: '9Gi' }))).toContain(
    'a Machine has at most 8Gi of memory here',
  );
  expect(await apply(machine('one', { cpus: 4, memory: '8Gi' }))).toBe('applied');
  expect(await apply(machine('one', { cpus: 5, memory: '8Gi' }))).toContain(
    'a Machine has at most 4 CPUs here',
  );
  expect(await apply(machine('two', {}))).toBe('applied');
  expect(await apply(machine('three', {}))).toContain(
    'exceeded quota: objects, requested: count/machines.purlin.dev=1, used: count/machines.purlin.dev=2, ' +
      'limited: count/machines.purlin.dev=2',
  );
  expect(await apply(machine('elsewhere', { cpus: 5 }, 'default'))).toBe('applied');
  expect(await apply(image('acme'))).toContain('an Image is downloaded here, from source.url');
  expect(await apply(image('default'))).toBe('applied');
});
