/** Server-side apply as a user of kubectl sees it. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { startTestServer } from './harness.ts';
import type { TestServer } from './harness.ts';

// Each call of kubectl is a process, and the machine may be busy with other tests.
jest.setTimeout(120_000);

let api: TestServer;
beforeAll(async () => {
  api = await startTestServer();
});
afterAll(() => api.stop());

const yaml = (name: string, spec: string) => `
apiVersion: test.purlin.dev/v1alpha1
kind: Widget
metadata: { name: ${name} }
spec: { ${spec} }
`;

/** Runs kubectl and expects success; returns what it printed. */
async function ok(input: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await api.kubectlWith(input, ...args);
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: '' });
  return stdout;
}

const apply = (manifest: string, ...args: string[]) =>
  ok(manifest, 'apply', '--server-side', '-f', '-', ...args);

const refused = async (manifest: string, ...args: string[]) =>
  (await api.kubectlWith(manifest, 'apply', '--server-side', '-f', '-', ...args)).stderr;

const managers = (name: string) =>
  ok('', 'get', 'wd', name, '--show-managed-fields', '-o', 'jsonpath={.metadata.managedFields[*].manager}');

test('applying, applying again, and changing', async () => {
  expect(await apply(yaml('plain', 'color: red, parts: [{name: a}]'))).toBe(
    'widget.test.purlin.dev/plain serverside-applied',
  );
  const version = () => ok('', 'get', 'wd', 'plain', '-o', 'jsonpath={.metadata.resourceVersion}');
  const before = await version();
  await apply(yaml('plain', 'color: red, parts: [{name: a}]'));
  expect(await version()).toBe(before);
  await apply(yaml('plain', 'color: blue, parts: [{name: b, weight: 2}]'));
  expect(await ok('', 'get', 'wd', 'plain', '-o', 'jsonpath={.spec}')).toBe(
    '{"color":"blue","count":3,"parts":[{"name":"b","weight":2}]}',
  );
});

test('managed fields are shown on request only', async () => {
  await apply(yaml('shown', 'color: red'));
  expect(await ok('', 'get', 'wd', 'shown', '-o', 'yaml')).not.toMatch(/managedFields/);
  expect(await ok('', 'get', 'wd', 'shown', '-o', 'yaml', '--show-managed-fields')).toMatch(
    new RegExp(
      [
        '  managedFields:',
        '  - apiVersion: test\\.purlin\\.dev/v1alpha1',
        '    fieldsType: FieldsV1',
        '    fieldsV1:',
        '      f:spec:',
        '        f:color: \\{\\}',
        '    manager: kubectl',
        '    operation: Apply',
        '    time: "[-0-9T:]+Z"',
      ].join('\n'),
    ),
  );
});

test('a conflict says who has which field, and may be forced', async () => {
  await apply(yaml('fought', 'color: red'));
  await ok('', 'patch', 'wd', 'fought', '--type=merge', '-p', '{"spec":{"count":5}}');
  const message = await refused(yaml('fought', 'color: red, count: 6'));
  expect(message).toMatch(
    /^error: Apply failed with 1 conflict: conflict with "kubectl-patch" using test\.purlin\.dev\/v1alpha1: \.spec\.count\n/,
  );
  expect(message).toMatch(/re-run the apply\s+command with the `--force-conflicts` flag/);
  await apply(yaml('fought', 'color: red, count: 6'), '--force-conflicts');
  expect(await managers('fought')).toBe('kubectl');
});

test('a mistyped field is named', async () => {
  expect(await refused(yaml('mistyped', 'color: red, colour: red'))).toBe(
    'Error from server: failed to create typed patch object (default/mistyped; test.purlin.dev/v1alpha1, ' +
      'Kind=Widget): .spec.colour: field not declared in schema',
  );
});

test('from client-side to server-side apply without conflicts, and what is no longer applied goes', async () => {
  await ok(yaml('moved', 'color: red, note: one'), 'apply', '-f', '-');
  await ok(yaml('moved', 'color: red, note: two'), 'apply', '-f', '-');
  expect(await managers('moved')).toBe('kubectl-client-side-apply');
  await apply(yaml('moved', 'color: blue'));
  expect((await managers('moved')).split(' ').sort()).toEqual(['kubectl', 'kubectl-last-applied']);
  expect(await ok('', 'get', 'wd', 'moved', '-o', 'jsonpath={.spec}')).toBe('{"color":"blue","count":3}');
});

test('and back: client-side apply finds its annotation up to date', async () => {
  await ok(yaml('back', 'color: red, note: one'), 'apply', '-f', '-');
  await apply(yaml('back', 'color: red, note: two'));
  await ok(yaml('back', 'color: red'), 'apply', '-f', '-');
  expect(await ok('', 'get', 'wd', 'back', '-o', 'jsonpath={.spec}')).toBe('{"color":"red","count":3}');
});

test('built-in kinds: a namespace, what is in it, and the text of a Secret', async () => {
  const manifest = `
apiVersion: v1
kind: Namespace
metadata: { name: applied }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: settings, namespace: applied }
data: { a: "1", b: "2" }
---
apiVersion: v1
kind: Secret
metadata: { name: token, namespace: applied }
stringData: { token: hunter2 }
`;
  expect(await apply(manifest)).toBe(
    'namespace/applied serverside-applied\nconfigmap/settings serverside-applied\nsecret/token serverside-applied',
  );
  await apply(manifest);
  await apply(manifest.replace(', b: "2"', ''));
  const get = (what: string) => ok('', '-n', 'applied', 'get', what, '-o', 'jsonpath={.data}');
  expect([await get('cm/settings'), await get('secret/token')]).toEqual([
    '{"a":"1"}',
    '{"token":"aHVudGVyMg=="}',
  ]);
});

test('edit and label are managers of their own', async () => {
  await apply(yaml('edited', 'color: red'));
  await ok('', 'edit', 'wd', 'edited', '--sed=s/color:.*/color:\\ blue/');
  await ok('', 'label', 'wd', 'edited', 'a=b');
  expect(await refused(yaml('edited', 'color: red'))).toMatch(
    /conflict with "kubectl-edit" using test\.purlin\.dev\/v1alpha1: \.spec\.color/,
  );
  expect((await managers('edited')).split(' ').sort()).toEqual(['kubectl-edit', 'kubectl-label']);
});

test('diff shows what a server-side apply would do, and that it would be refused', async () => {
  await apply(yaml('differing', 'color: red, note: x'));
  const diff = (manifest: string, ...args: string[]) =>
    api.kubectlWith(manifest, 'diff', '--server-side', '-f', '-', ...args);
  expect(await diff(yaml('differing', 'color: red, note: x'))).toMatchObject({ code: 0, stdout: '' });
  const changed = await diff(yaml('differing', 'color: blue'));
  expect(changed.code).toBe(1);
  expect(changed.stdout).toMatch(/-\s+color: red\n\+\s+color: blue/);
  expect(changed.stdout).toMatch(/^-\s+note: x$/m);
  expect((await diff(yaml('unmade', 'color: blue'))).stdout).toMatch(/\+\s+count: 3/);
  const other = await diff(yaml('differing', 'color: blue'), '--field-manager=other');
  expect(other.stderr).toMatch(/Apply failed with 1 conflict: conflict with "kubectl": \.spec\.color/);
  expect(await ok('', 'get', 'wd', 'differing', '-o', 'jsonpath={.spec.color}')).toBe('red');
});

test('a dry run by the server', async () => {
  expect(await apply(yaml('dry', 'color: red'), '--dry-run=server')).toBe(
    'widget.test.purlin.dev/dry serverside-applied (server dry run)',
  );
  expect((await api.kubectl('get', 'wd', 'dry')).stderr).toMatch(/not found/);
});
