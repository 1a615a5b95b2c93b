import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { kubectlBinary, startTestServer } from './harness.ts';
import type { TestServer } from './harness.ts';

// Each call of kubectl is a process, and the machine may be busy with other tests.
jest.setTimeout(120_000);

let api: TestServer;
beforeAll(async () => {
  api = await startTestServer();
});
afterAll(() => api.stop());

const yaml = (name: string, spec = 'color: red', metadata = '') => `
apiVersion: test.purlin.dev/v1alpha1
kind: Widget
metadata: { name: ${name}${metadata && `, ${metadata}`} }
spec: { ${spec} }
`;

/** Runs kubectl and expects success; returns what it printed. */
async function ok(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await api.kubectl(...args);
  expect({ args, code, stderr }).toMatchObject({ code: 0 });
  return stdout;
}

async function apply(manifest: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await api.kubectlWith(manifest, 'apply', '-f', '-', ...args);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  return stdout;
}

describe('what kubectl learns of the server', () => {
  test('api-resources lists custom and built-in resources with their short names', async () => {
    const table = await ok('api-resources');
    expect(table).toMatch(/^widgets +wd +test\.purlin\.dev\/v1alpha1 +true +Widget$/m);
    expect(table).toMatch(/^racks +test\.purlin\.dev\/v1alpha1 +false +Rack$/m);
    expect(table).toMatch(/^leases +coordination\.k8s\.io\/v1 +true +Lease$/m);
    expect(await ok('api-resources', '--categories=things', '-o', 'name')).toBe('widgets.test.purlin.dev');
  });

  test('explain shows every field of custom and built-in kinds', async () => {
    const explained = await ok('explain', 'widgets', '--recursive');
    expect(explained).toMatch(/A widget for tests\./);
    expect(explained).toMatch(/color\t<string> -required-\n\s+enum: red, green, blue/);
    expect(explained).toMatch(/parts\t<\[\]Object>\n\s+name\t<string> -required-/);
    expect(await ok('explain', 'widgets.spec.count')).toMatch(/How many\./);
    expect(await ok('explain', 'lease.spec', '--recursive')).toMatch(/holderIdentity\t<string>/);
  });

  test('the version and the health', async () => {
    expect(await ok('version')).toMatch(/Server Version: v1\.36\.\d/);
    expect(await ok('get', '--raw', '/readyz?verbose')).toMatch(/\[\+\]ping ok/);
  });
});

describe('apply, get, change, delete', () => {
  test('apply creates, leaves alone, and changes', async () => {
    expect(await apply(yaml('one'))).toBe('widget.test.purlin.dev/one created');
    expect(await apply(yaml('one'))).toBe('widget.test.purlin.dev/one unchanged');
    expect(await apply(yaml('one', 'color: blue'))).toBe('widget.test.purlin.dev/one configured');
    expect(
      await ok('get', 'wd', 'one', '-o', 'jsonpath={.spec.color} {.spec.count} {.metadata.generation}'),
    ).toBe('blue 3 2');
  });

  test('tables have the printer columns, wide ones the others too', async () => {
    await apply(yaml('table', 'color: green, size: 5Gi', 'labels: {tier: front}'));
    expect(await ok('get', 'wd', 'table')).toMatch(/^NAME +COLOR +READY +AGE\ntable +green +\d+s$/);
    expect(await ok('get', 'wd', 'table', '-o', 'wide')).toMatch(
      /^NAME +COLOR +READY +SIZE +AGE\ntable +green +5Gi +\d+s$/,
    );
    expect(await ok('get', 'wd', '-A', '-l', 'tier=front')).toMatch(
      /^NAMESPACE +NAME .*\ndefault +table +green/,
    );
    expect(await ok('get', 'wd', '-L', 'tier', 'table')).toMatch(/front$/);
    expect(await ok('get', 'wd', 'table', '-o', 'yaml')).toMatch(/kind: Widget/);
  });

  test('selectors by label and field, and an unknown field is refused', async () => {
    await apply(yaml('sel-a', 'color: green', 'labels: {app: sel, tier: a}'));
    await apply(yaml('sel-b', 'color: red', 'labels: {app: sel, tier: b}'));
    const names = (...args: string[]) => ok('get', 'wd', '-o', 'name', ...args);
    expect(await names('-l', 'app=sel,tier in (a,x)')).toBe('widget.test.purlin.dev/sel-a');
    expect(await names('-l', 'app=sel,tier notin (a)')).toBe('widget.test.purlin.dev/sel-b');
    expect(await names('-l', 'app=sel,!other,tier!=b')).toBe('widget.test.purlin.dev/sel-a');
    expect(await names('-l', 'app=sel', '--field-selector', 'spec.color=red')).toBe(
      'widget.test.purlin.dev/sel-b',
    );
    expect(await names('--field-selector', 'metadata.name=sel-a')).toBe('widget.test.purlin.dev/sel-a');
    const refused = await api.kubectl('get', 'wd', '--field-selector', 'spec.count=3');
    expect(refused.stderr).toMatch(/field label not supported: spec\.count/);
  });

  test('large lists come in pages', async () => {
    const many = Array.from({ length: 25 }, (_, i) =>
      yaml(`page-${i}`, 'color: red', 'labels: {many: "yes"}'),
    );
    await apply(many.join('---'));
    const listed = await ok('get', 'wd', '-l', 'many=yes', '--chunk-size=10', '-o', 'name');
    expect(listed.split('\n')).toHaveLength(25);
    expect(await ok('delete', 'wd', '-l', 'many=yes', '-o', 'name')).toMatch(/page-24/);
  });

  test('edit, label, annotate and the two kinds of patch', async () => {
    await apply(yaml('changing'));
    await ok('edit', 'wd', 'changing', '--sed=s/color:.red/color:\\ blue/');
    await ok('label', 'wd', 'changing', 'a=b');
    await ok('annotate', 'wd', 'changing', 'note=hello');
    await ok('patch', 'wd', 'changing', '--type=merge', '-p', '{"spec":{"count":5}}');
    await ok(
      'patch',
      'wd',
      'changing',
      '--type=json',
      '-p',
      '[{"op":"add","path":"/spec/note","value":"hi"}]',
    );
    const wanted =
      '{.spec.color} {.spec.count} {.spec.note} {.metadata.labels.a} {.metadata.annotations.note} {.metadata.generation}';
    expect(await ok('get', 'wd', 'changing', '-o', `jsonpath=${wanted}`)).toBe('blue 5 hi b hello 4');
    const refused = await api.kubectl('patch', 'wd', 'changing', '--type=strategic', '-p', '{}');
    expect(refused.stderr).toMatch(/strategic-merge-patch\+json is not supported/);
  });

  test('built-in kinds take strategic merge patches', async () => {
    await ok('create', 'cm', 'settings', '--from-literal=a=1', '--from-literal=b=2');
    await ok(
      'patch',
      'cm',
      'settings',
      '-p',
      '{"data":{"a":null,"c":"3"},"metadata":{"finalizers":["x.dev/a"]}}',
    );
    await ok('patch', 'cm', 'settings', '-p', '{"metadata":{"finalizers":["x.dev/b"]}}');
    expect(await ok('get', 'cm', 'settings', '-o', 'jsonpath={.data} {.metadata.finalizers}')).toBe(
      '{"b":"2","c":"3"} ["x.dev/b","x.dev/a"]',
    );
    await ok(
      'patch',
      'cm',
      'settings',
      '-p',
      '{"metadata":{"$deleteFromPrimitiveList/finalizers":["x.dev/a","x.dev/b"]}}',
    );
    const manifest = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: applied}\ndata: {x: "1", y: "2"}\n';
    await apply(manifest);
    await apply(manifest.replace(', y: "2"', ''));
    expect(await ok('get', 'cm', 'applied', '-o', 'jsonpath={.data}')).toBe('{"x":"1"}');
    expect(await ok('get', 'cm', 'settings')).toMatch(/^NAME +DATA +AGE\nsettings +2 /);
  });

  test('a List is validated against OpenAPI v2 and applied item by item', async () => {
    const list = (field: string) =>
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'List',
        items: [
          { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'listed' }, data: { a: 'b' } },
          {
            apiVersion: 'test.purlin.dev/v1alpha1',
            kind: 'Widget',
            metadata: { name: 'listed' },
            spec: { [field]: 'red' },
          },
        ],
      });
    expect(await apply(list('color'))).toBe(
      'configmap/listed created\nwidget.test.purlin.dev/listed created',
    );
    const refused = await api.kubectlWith(list('colour'), 'apply', '-f', '-');
    expect(refused.stderr).toMatch(/unknown field "colour" in dev\.purlin\.test\.v1alpha1\.Widget\.spec/);
  });

  test('wait for a condition, for a value and for deletion', async () => {
    await apply(yaml('waiting'));
    const waits = ['condition=Ready', 'jsonpath={.status.phase}=Done'].map((what) =>
      ok('wait', `--for=${what}`, 'wd/waiting', '--timeout=10s'),
    );
    const status = '{"status":{"phase":"Done","conditions":[{"type":"Ready","status":"True"}]}}';
    await ok('patch', 'wd', 'waiting', '--subresource=status', '--type=merge', '-p', status);
    expect(await Promise.all(waits)).toEqual([
      'widget.test.purlin.dev/waiting condition met',
      'widget.test.purlin.dev/waiting condition met',
    ]);
    const gone = ok('wait', '--for=delete', 'wd/waiting', '--timeout=10s');
    await ok('delete', 'wd', 'waiting');
    await gone;
  });

  test('diff shows what apply would change, after defaulting', async () => {
    await apply(yaml('differing'));
    expect((await api.kubectlWith(yaml('differing'), 'diff', '-f', '-')).code).toBe(0);
    const { code, stdout } = await api.kubectlWith(yaml('differing', 'color: blue'), 'diff', '-f', '-');
    expect(code).toBe(1);
    expect(stdout).toMatch(/-\s+color: red\n\+\s+color: blue/);
    expect((await api.kubectlWith(yaml('new-one'), 'diff', '-f', '-')).stdout).toMatch(/\+\s+count: 3/);
  });

  test('a dry run by the server stores nothing', async () => {
    expect(await apply(yaml('dry'), '--dry-run=server')).toBe(
      'widget.test.purlin.dev/dry created (server dry run)',
    );
    expect((await api.kubectl('get', 'wd', 'dry')).stderr).toBe(
      'Error from server (NotFound): widgets.test.purlin.dev "dry" not found',
    );
  });

  test('get -w prints each change as a row', async () => {
    const child = spawn(kubectlBinary(), ['get', 'wd', '-w', '-l', 'watched=yes', '--no-headers'], {
      env: { KUBECONFIG: api.server.kubeconfigPath, HOME: api.dataDir },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    await apply(yaml('watched', 'color: red', 'labels: {watched: "yes"}'));
    expect((await lines.next()).value).toMatch(/^watched +red/);
    await ok('patch', 'wd', 'watched', '--type=merge', '-p', '{"spec":{"color":"blue"}}');
    expect((await lines.next()).value).toMatch(/^watched +blue/);
    child.kill();
    await once(child, 'exit');
  });
});

describe('refusals read as from any Kubernetes server', () => {
  const refusal = async (spec: string, ...args: string[]) =>
    (await api.kubectlWith(yaml('bad', spec), 'apply', '-f', '-', ...args)).stderr;

  test('unknown fields are an error, or a warning, as asked', async () => {
    expect(await refusal('color: red, colour: red')).toMatch(
      /strict decoding error: unknown field "spec.colour"/,
    );
    const warned = await api.kubectlWith(
      yaml('lax', 'color: red, colour: red'),
      'apply',
      '--validate=warn',
      '-f',
      '-',
    );
    expect(warned.stderr).toMatch(/^Warning: unknown field "spec.colour"/);
    expect(warned.stdout).toBe('widget.test.purlin.dev/lax created');
  });

  test('each invalid field is named', async () => {
    expect(await refusal('color: pink, count: 0, note: A, size: true')).toBe(
      [
        'The Widget "bad" is invalid: ',
        '* spec.color: Unsupported value: "pink": supported values: "red", "green", "blue"',
        '* spec.count: Invalid value: 0: spec.count in body should be greater than or equal to 1',
        '* spec.note: Invalid value: "A": spec.note in body should match \'^[a-z ]*$\'',
        '* spec.size: Invalid value: "boolean": spec.size in body must be of type integer,string: "boolean"',
        '* <nil>: Invalid value: null: some validation rules were not checked because the object was invalid; ' +
          'correct the existing errors to complete validation',
      ].join('\n'),
    );
    expect(await refusal('count: 1')).toMatch(/spec\.color: Required value/);
    expect(await refusal('color: red, parts: [{name: a}, {name: a}]')).toMatch(
      /spec\.parts\[1\]: Duplicate value: \{"name":"a"\}/,
    );
  });

  test('rules over several fields, and over time', async () => {
    expect(await refusal('color: red, count: 1, parts: [{name: a}, {name: b}]')).toBe(
      'The Widget "bad" is invalid: spec.parts: Forbidden: there are more parts than count allows',
    );
    await apply(yaml('sized', 'color: red, size: 2Gi'));
    const shrunk = await api.kubectlWith(yaml('sized', 'color: red, size: 1Gi'), 'apply', '-f', '-');
    expect(shrunk.stderr).toBe(
      'The Widget "sized" is invalid: spec.size: Invalid value: "1Gi": it cannot shrink below 2Gi',
    );
  });
});

describe('namespaces, and built-in kinds by protobuf', () => {
  test('a namespace with content is emptied and goes', async () => {
    await ok('create', 'namespace', 'full');
    await ok('-n', 'full', 'create', 'configmap', 'c', '--from-literal=a=b');
    await ok('-n', 'full', 'create', 'secret', 'generic', 's', '--from-literal=password=hunter2');
    await ok('-n', 'full', 'create', 'serviceaccount', 'robot');
    await apply(yaml('inside', 'color: red', 'namespace: full'));
    expect(await ok('-n', 'full', 'get', 'secret', 's', '-o', 'jsonpath={.data.password}')).toBe(
      'aHVudGVyMg==',
    );
    await ok('delete', 'namespace', 'full', '--timeout=10s');
    expect(await ok('get', 'ns')).not.toMatch(/full/);
    expect(await ok('get', 'wd,cm,secret,sa', '-A', '--no-headers')).not.toMatch(/^full/m);
  });

  test('nothing can be made in a namespace that is missing or going', async () => {
    const missing = await api.kubectlWith(
      yaml('lost', 'color: red', 'namespace: nowhere'),
      'apply',
      '-f',
      '-',
    );
    expect(missing.stderr).toMatch(/namespaces "nowhere" not found/);
    await ok('create', 'ns', 'going');
    await apply(yaml('held', 'color: red', 'namespace: going, finalizers: [test.dev/hold]'));
    await ok('delete', 'ns', 'going', '--wait=false');
    const refused = await api.kubectlWith(yaml('late', 'color: red', 'namespace: going'), 'apply', '-f', '-');
    expect(refused.stderr).toMatch(
      /forbidden: unable to create new content in namespace going because it is being terminated/,
    );
    expect(await ok('get', 'ns', 'going')).toMatch(/Terminating/);
    await ok('-n', 'going', 'patch', 'wd', 'held', '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
    await ok('wait', '--for=delete', 'ns/going', '--timeout=10s');
    const kept = await api.kubectl('delete', 'ns', 'default');
    expect(kept.stderr).toMatch(/namespaces "default" is forbidden: this namespace may not be deleted/);
  });

  test('describe shows the Events of an object', async () => {
    await apply(yaml('eventful'));
    const uid = await ok('get', 'wd', 'eventful', '-o', 'jsonpath={.metadata.uid}');
    const event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { generateName: 'eventful.', namespace: 'default' },
      involvedObject: {
        apiVersion: 'test.purlin.dev/v1alpha1',
        kind: 'Widget',
        namespace: 'default',
        name: 'eventful',
        uid,
      },
      reason: 'Painted',
      message: 'It is red now',
      type: 'Normal',
      source: { component: 'painter' },
      firstTimestamp: new Date().toISOString(),
      lastTimestamp: new Date().toISOString(),
      count: 1,
    };
    const created = await api.kubectlWith(JSON.stringify(event), 'create', '-f', '-');
    expect(created.stdout).toMatch(/^event\/eventful\.[a-z0-9]{5} created$/);
    expect(await ok('describe', 'wd', 'eventful')).toMatch(/Normal +Painted +\d+s +painter +It is red now/);
    expect(await ok('events', '--for=wd/eventful')).toMatch(/Painted +Widget\/eventful +It is red now/);
    expect(await ok('get', 'events')).toMatch(/Normal +Painted +widget\/eventful +It is red now/);
  });
});

describe('deletion', () => {
  test('waits for finalizers', async () => {
    await apply(yaml('finalized', 'color: red', 'finalizers: [test.dev/hold]'));
    const deleting = ok('delete', 'wd', 'finalized', '--timeout=10s');
    await ok('wait', '--for=jsonpath={.metadata.deletionTimestamp}', 'wd/finalized', '--timeout=10s');
    const again = await api.kubectl(
      'patch',
      'wd',
      'finalized',
      '--type=merge',
      '-p',
      '{"metadata":{"finalizers":["test.dev/hold","test.dev/more"]}}',
    );
    expect(again.stderr).toMatch(/no new finalizers can be added if the object is being deleted/);
    await ok('patch', 'wd', 'finalized', '--type=merge', '-p', '{"metadata":{"finalizers":[]}}');
    expect(await deleting).toMatch(/^widget\.test\.purlin\.dev "finalized" deleted/);
  });

  const family = async (name: string, finalizers = '[]') => {
    await apply(yaml(`${name}-owner`));
    const uid = await ok('get', 'wd', `${name}-owner`, '-o', 'jsonpath={.metadata.uid}');
    const owner = `{apiVersion: test.purlin.dev/v1alpha1, kind: Widget, name: ${name}-owner, uid: ${uid}, blockOwnerDeletion: true}`;
    await apply(
      yaml(`${name}-child`, 'color: blue', `ownerReferences: [${owner}], finalizers: ${finalizers}`),
    );
  };

  test('in the background: the owner first', async () => {
    await family('background');
    await ok('delete', 'wd', 'background-owner', '--cascade=background');
    await ok('wait', '--for=delete', 'wd/background-child', '--timeout=10s');
  });

  test('in the foreground: the dependents first', async () => {
    await family('foreground', '[test.dev/hold]');
    const deleting = ok('delete', 'wd', 'foreground-owner', '--cascade=foreground', '--timeout=10s');
    await ok('wait', '--for=jsonpath={.metadata.deletionTimestamp}', 'wd/foreground-child', '--timeout=10s');
    expect(await ok('get', 'wd', 'foreground-owner', '-o', 'jsonpath={.metadata.finalizers}')).toBe(
      '["foregroundDeletion"]',
    );
    await ok('patch', 'wd', 'foreground-child', '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
    await deleting;
    expect((await api.kubectl('get', 'wd', 'foreground-child')).stderr).toMatch(/not found/);
  });

  test('orphaning: the dependents stay and forget their owner', async () => {
    await family('orphan');
    await ok('delete', 'wd', 'orphan-owner', '--cascade=orphan', '--timeout=10s');
    expect(await ok('get', 'wd', 'orphan-child', '-o', 'jsonpath={.metadata.ownerReferences}')).toBe('');
  });
});
