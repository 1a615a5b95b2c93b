/** CustomResourceDefinitions as live objects, with the real kubectl. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestServer } from './harness.ts';
import type { TestServer } from './harness.ts';

// Each call of kubectl is a process, and the machine may be busy with other tests.
jest.setTimeout(120_000);

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const merge = { 'content-type': 'application/merge-patch+json' };

let api: TestServer;
let noCrds: string;
beforeAll(async () => {
  noCrds = await mkdtemp(join(tmpdir(), 'purlin-no-crds-'));
  api = await startTestServer(noCrds);
});
afterAll(async () => {
  await api.stop();
  await rm(noCrds, { recursive: true });
});

/** Runs kubectl and expects success; returns what it printed. */
async function ok(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await api.kubectl(...args);
  expect({ args, code, stderr }).toMatchObject({ code: 0 });
  return stdout;
}

async function apply(manifest: object | string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await tryToApply(manifest, ...args);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  return stdout;
}

const tryToApply = (manifest: object | string, ...args: string[]) =>
  api.kubectlWith(
    typeof manifest === 'string' ? manifest : JSON.stringify(manifest),
    'apply',
    '-f',
    '-',
    ...args,
  );

interface Definition {
  group?: string;
  plural: string;
  kind: string;
  names?: object;
  scope?: string;
  versions?: object[];
  spec?: object;
}

const crd = ({
  group = 'live.example.com',
  plural,
  kind,
  names = {},
  scope,
  versions,
  spec,
}: Definition) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${plural}.${group}` },
  spec: {
    group,
    scope: scope ?? 'Namespaced',
    names: { plural, kind, ...names },
    versions: versions ?? [version('v1', { size: { type: 'integer' } })],
    ...spec,
  },
});

const version = (name: string, properties: object, more: object = {}) => ({
  name,
  served: true,
  storage: true,
  schema: {
    openAPIV3Schema: {
      type: 'object',
      description: 'Something that a user invented.',
      properties: {
        spec: { type: 'object', description: 'What is wanted.', properties },
        status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      },
    },
  },
  ...more,
});

const object = (
  kind: string,
  name: string,
  spec: object = {},
  apiVersion = 'live.example.com/v1',
  metadata = {},
) => ({
  apiVersion,
  kind,
  metadata: { name, ...metadata },
  spec,
});

const path = (plural: string, name = '', version_ = 'v1') =>
  `/apis/live.example.com/${version_}/namespaces/default/${plural}${name && `/${name}`}`;

/** The metadata of an object, as the server has it now. */
const metadataOf = async (of: string): Promise<Record<string, string>> =>
  (await api.call('GET', of)).body['metadata'] as unknown as Record<string, string>;

describe('a definition', () => {
  const gadgets = crd({
    plural: 'gadgets',
    kind: 'Gadget',
    names: { shortNames: ['gd'], categories: ['toys'] },
    versions: [
      version(
        'v1',
        { size: { type: 'integer', default: 3, description: 'How large.' }, color: { type: 'string' } },
        {
          additionalPrinterColumns: [{ name: 'Size', type: 'integer', jsonPath: '.spec.size' }],
          selectableFields: [{ jsonPath: '.spec.color' }],
        },
      ),
    ],
  });

  test('is in force as soon as it is applied, and is an object like any other', async () => {
    expect(await apply(gadgets)).toBe(
      'customresourcedefinition.apiextensions.k8s.io/gadgets.live.example.com created',
    );
    expect(await apply(object('Gadget', 'first', { color: 'red' }))).toBe(
      'gadget.live.example.com/first created',
    );
    expect(
      await ok('wait', '--for=condition=Established', 'crd/gadgets.live.example.com', '--timeout=10s'),
    ).toMatch(/condition met/);
    expect(await apply(gadgets)).toMatch(/unchanged$/);
    const { body } = await api.call('GET', `${CRDS}/gadgets.live.example.com`);
    expect(body).toMatchObject({
      metadata: { generation: 1 },
      spec: { names: { singular: 'gadget', listKind: 'GadgetList' }, conversion: { strategy: 'None' } },
      status: {
        acceptedNames: { plural: 'gadgets', kind: 'Gadget', shortNames: ['gd'], categories: ['toys'] },
        storedVersions: ['v1'],
        conditions: [
          { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts' },
          { type: 'Established', status: 'True', reason: 'InitialNamesAccepted' },
        ],
      },
    });
  });

  test('has kubectl know the kind in every way', async () => {
    expect(await ok('api-resources', '--api-group=live.example.com')).toMatch(
      /^gadgets +gd +live\.example\.com\/v1 +true +Gadget$/m,
    );
    expect(await ok('api-resources', '--categories=toys', '-o', 'name')).toBe('gadgets.live.example.com');
    expect(await ok('explain', 'gadget.spec')).toMatch(/size\t<integer>\n\s+How large\./);
    expect(await ok('explain', 'crd.spec.versions.schema.openAPIV3Schema')).toMatch(
      /additionalProperties\t<JSONSchemaProps>/,
    );
    expect(await ok('get', 'gd')).toMatch(/^NAME +SIZE\nfirst +3$/);
    expect(await ok('get', 'gd', '--field-selector=spec.color=red', '-o', 'name')).toMatch(/first/);
    expect(await ok('get', 'gd', '--field-selector=spec.color=blue', '-o', 'name')).toBe('');
    expect(await ok('get', 'crd')).toMatch(/^NAME +CREATED AT\ngadgets\.live\.example\.com +\d{4}-/);
  });

  test('changes what is served from one request to the next, and ends the watches of before', async () => {
    const watch = await api.watch(`${path('gadgets')}?watch=true&resourceVersion=0&allowWatchBookmarks=true`);
    expect((await watch.next())?.object.metadata['name']).toBe('first');
    const before = await api.call('GET', '/openapi/v3');
    const poorer = structuredClone(gadgets);
    poorer.spec.versions = [version('v1', { weight: { type: 'integer', default: 7 } })];
    expect(await apply(poorer)).toMatch(/configured$/);
    const last = [];
    for (let event = await watch.next(); event; event = await watch.next()) last.push(event.type);
    expect(last).toEqual(['BOOKMARK']);
    const after = await api.call('GET', '/openapi/v3');
    expect(after.headers['etag']).not.toBe(before.headers['etag']);
    expect((await api.call('GET', path('gadgets', 'first'))).body).toMatchObject({
      spec: { weight: 7, size: 3 },
    });
    expect(await ok('get', 'gd')).toMatch(/^NAME +AGE\nfirst +\d+s$/);
    const refused = await tryToApply(object('Gadget', 'second', { size: 3 }));
    expect(refused.stderr).toMatch(/strict decoding error: unknown field "spec\.size"/);
  });

  test('keeps the watches of other kinds', async () => {
    const watch = await api.watch(`${path('gadgets')}?watch=true`);
    expect((await watch.next())?.type).toBe('ADDED');
    await apply(crd({ plural: 'bystanders', kind: 'Bystander' }));
    await apply(object('Gadget', 'seen'));
    expect((await watch.next())?.object.metadata['name']).toBe('seen');
    watch.close();
  });
});

describe('deleting a definition', () => {
  test('deletes its objects, then ends its service', async () => {
    await apply(crd({ plural: 'leavers', kind: 'Leaver' }));
    await apply(object('Leaver', 'a'));
    const { uid } = await metadataOf(path('leavers', 'a'));
    const dependent = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name: 'of-a-leaver',
        ownerReferences: [
          {
            apiVersion: 'live.example.com/v1',
            kind: 'Leaver',
            name: 'a',
            uid,
          },
        ],
      },
    };
    await apply(dependent);
    const watch = await api.watch(`${path('leavers')}?watch=true`);
    expect((await watch.next())?.type).toBe('ADDED');
    expect(await ok('delete', 'crd', 'leavers.live.example.com', '--timeout=10s')).toMatch(/deleted/);
    expect((await watch.next())?.type).toBe('DELETED');
    expect(await watch.next()).toBeUndefined();
    const gone = await api.call('GET', path('leavers'));
    expect([gone.status, gone.body['text']]).toEqual([404, '404 page not found\n']);
    expect((await api.kubectl('get', 'leavers')).stderr).toMatch(
      /the server could not find the requested resource/,
    );
    await ok('wait', '--for=delete', 'cm/of-a-leaver', '--timeout=10s');
    await apply(crd({ plural: 'leavers', kind: 'Leaver' }));
    expect(await ok('get', 'leavers', '-o', 'name')).toBe('');
  });

  test('waits for objects that are held, says so, and lets no new ones in', async () => {
    await apply(crd({ plural: 'stayers', kind: 'Stayer' }));
    await apply(object('Stayer', 'held', {}, 'live.example.com/v1', { finalizers: ['test.dev/hold'] }));
    await ok('delete', 'crd', 'stayers.live.example.com', '--wait=false');
    const why = 'jsonpath={.status.conditions[?(@.type=="Terminating")].message}';
    const message =
      'CustomResource deletion is in progress: waiting for default/held (held by test.dev/hold)';
    await ok('wait', `--for=${why}=${message}`, 'crd/stayers.live.example.com', '--timeout=10s');
    const late = await api.call('POST', path('stayers'), object('Stayer', 'late'));
    expect([late.status, late.body['message']]).toEqual([
      405,
      'create not allowed while custom resource definition is terminating',
    ]);
    expect(
      (await api.call('PATCH', path('stayers', 'held'), { metadata: { finalizers: null } }, merge)).status,
    ).toBe(200);
    await ok('wait', '--for=delete', 'crd/stayers.live.example.com', '--timeout=10s');
    expect((await api.call('GET', path('stayers'))).status).toBe(404);
  });
});

describe('definitions that do not go together', () => {
  test('the later one waits until the names are free', async () => {
    await apply(crd({ plural: 'owners', kind: 'Owner', names: { shortNames: ['ow'] } }));
    await apply(crd({ plural: 'owls', kind: 'Owl', names: { shortNames: ['ow'] } }));
    await ok('wait', '--for=condition=NamesAccepted=False', 'crd/owls.live.example.com', '--timeout=10s');
    const message = '{.status.conditions[?(@.type=="NamesAccepted")].message}';
    expect(await ok('get', 'crd', 'owls.live.example.com', '-o', `jsonpath=${message}`)).toBe(
      '"ow" is already in use',
    );
    expect((await api.call('GET', path('owls'))).status).toBe(404);
    await ok('delete', 'crd', 'owners.live.example.com', '--timeout=10s');
    await ok('wait', '--for=condition=Established', 'crd/owls.live.example.com', '--timeout=10s');
    expect(await ok('get', 'ow')).toBe('');
  });

  test('a faulty one is refused with the field at fault', async () => {
    const faulty = (schema: object) =>
      crd({
        plural: 'faulties',
        kind: 'Faulty',
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }],
      });
    const rule = { rule: 'self.sise > 1' };
    const spec = {
      type: 'object',
      properties: { size: { type: 'integer' } },
      'x-kubernetes-validations': [rule],
    };
    expect((await tryToApply(faulty({ type: 'object', properties: { spec } }))).stderr).toBe(
      [
        'The CustomResourceDefinition "faulties.live.example.com" is invalid: ' +
          'spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations[0].rule: Invalid value: "self.sise > 1": ' +
          "compilation failed: ERROR: <input>:1:6: undefined field 'sise'",
        ' | self.sise > 1',
        ' | .....^',
      ].join('\n'),
    );
    const misspelt = await tryToApply(faulty({ type: 'object', propertys: {} }));
    expect(misspelt.stderr).toMatch(
      /unknown field "spec\.versions\[0\]\.schema\.openAPIV3Schema\.propertys"/,
    );
    const moved = crd({ plural: 'gadgets', kind: 'Gizmo', scope: 'Cluster' });
    expect((await tryToApply(moved)).stderr).toMatch(
      /\* spec\.scope: Invalid value: "Cluster": field is immutable\n\* spec\.names\.kind: Invalid value: "Gizmo": field is immutable/,
    );
  });
});

describe('several versions of one kind', () => {
  const both = (storage: 'v1beta1' | 'v1') =>
    crd({
      plural: 'phases',
      kind: 'Phase',
      versions: [
        version(
          'v1beta1',
          { size: { type: 'integer', default: 1 } },
          {
            storage: storage === 'v1beta1',
            deprecated: true,
            deprecationWarning: 'v1beta1 Phase is old, use v1',
          },
        ),
        version(
          'v1',
          { size: { type: 'integer', default: 2 }, unit: { type: 'string', default: 'mm' } },
          { storage: storage === 'v1' },
        ),
      ],
    });

  test('show one object, as far as the stored version knows it', async () => {
    await apply(both('v1beta1'));
    const warned = await tryToApply(object('Phase', 'p', {}, 'live.example.com/v1beta1'));
    expect(warned).toMatchObject({ code: 0, stderr: 'Warning: v1beta1 Phase is old, use v1' });
    const shown = 'jsonpath={.apiVersion} {.spec}';
    expect(await ok('get', 'phase', 'p', '-o', shown)).toBe('live.example.com/v1 {"size":1}');
    expect(await ok('get', 'phases.v1beta1.live.example.com', 'p', '-o', shown)).toBe(
      'live.example.com/v1beta1 {"size":1}',
    );
    const watch = await api.watch(`${path('phases', '', 'v1')}?watch=true`);
    expect(await watch.next()).toMatchObject({
      type: 'ADDED',
      object: { apiVersion: 'live.example.com/v1' },
    });
    await ok('label', 'phases.v1beta1.live.example.com', 'p', 'a=b');
    expect(await watch.next()).toMatchObject({
      type: 'MODIFIED',
      object: { apiVersion: 'live.example.com/v1', spec: { size: 1 } },
    });
    watch.close();
    const made = await api.call('POST', path('phases'), object('Phase', 'q', { size: 4, unit: 'cm' }));
    expect(made.body).toMatchObject({ apiVersion: 'live.example.com/v1' });
    expect(made.body['spec']).toEqual({ size: 4 });
  });

  test('move to another storage version, and the old one can go once nothing is stored in it', async () => {
    await apply(both('v1'));
    expect(await ok('get', 'crd', 'phases.live.example.com', '-o', 'jsonpath={.status.storedVersions}')).toBe(
      '["v1beta1","v1"]',
    );
    expect((await api.call('GET', path('phases', 'p', 'v1beta1'))).body['spec']).toEqual({
      size: 1,
      unit: 'mm',
    });
    const alone = crd({
      plural: 'phases',
      kind: 'Phase',
      versions: [version('v1', { size: { type: 'integer' } })],
    });
    expect((await tryToApply(alone)).stderr).toMatch(
      /status\.storedVersions\[0\]: Invalid value: "v1beta1": missing from spec\.versions; v1beta1 was previously a storage version/,
    );
    const before = await metadataOf(path('phases', 'p'));
    await api.call('PATCH', path('phases', 'p'), {}, merge);
    const touched = await metadataOf(path('phases', 'p'));
    expect(Number(touched['resourceVersion'])).toBeGreaterThan(Number(before['resourceVersion']));
    await api.call('PATCH', path('phases', 'p'), {}, merge);
    expect(await metadataOf(path('phases', 'p'))).toEqual(touched);
    const migrated = '{"status":{"storedVersions":["v1"]}}';
    await ok(
      'patch',
      'crd',
      'phases.live.example.com',
      '--subresource=status',
      '--type=merge',
      '-p',
      migrated,
    );
    await apply(alone);
    expect((await api.call('GET', path('phases', 'p', 'v1beta1'))).status).toBe(404);
    expect((await api.call('GET', path('phases', 'p'))).body).toMatchObject({ spec: { size: 1 } });
  });
});

describe('scale', () => {
  const crews = crd({
    plural: 'crews',
    kind: 'Crew',
    versions: [
      version(
        'v1',
        { replicas: { type: 'integer', maximum: 9 }, name: { type: 'string' } },
        {
          subresources: {
            status: {},
            scale: {
              specReplicasPath: '.spec.replicas',
              statusReplicasPath: '.status.replicas',
              labelSelectorPath: '.status.selector',
            },
          },
        },
      ),
    ],
  });

  test('kubectl scale changes the replicas, and nothing else', async () => {
    await apply(crews);
    await apply(object('Crew', 'c', { replicas: 2, name: 'x' }));
    const status = '{"status":{"replicas":1,"selector":"app=crew"}}';
    await ok('patch', 'crew', 'c', '--subresource=status', '--type=merge', '-p', status);
    expect(await ok('scale', 'crew/c', '--replicas=5')).toBe('crew.live.example.com/c scaled');
    expect(await ok('scale', 'crew/c', '--replicas=6', '--current-replicas=5')).toBe(
      'crew.live.example.com/c scaled',
    );
    expect((await api.kubectl('scale', 'crew/c', '--replicas=7', '--current-replicas=5')).stderr).toMatch(
      /Expected replicas to be 5, was 6/,
    );
    expect(await ok('get', 'crew', 'c', '-o', 'jsonpath={.spec} {.metadata.generation}')).toBe(
      '{"name":"x","replicas":6} 3',
    );
    expect(await ok('get', 'crew', 'c', '--subresource=scale')).toMatch(
      /^NAME +DESIRED +AVAILABLE +AGE\nc +6 +1 +\d+s$/,
    );
    const scale = await api.call('GET', `${path('crews', 'c')}/scale`);
    expect(scale.body).toMatchObject({
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      spec: { replicas: 6 },
      status: { replicas: 1, selector: 'app=crew' },
    });
    const stale = { ...scale.body, metadata: { name: 'c', resourceVersion: '1' } };
    expect((await api.call('PUT', `${path('crews', 'c')}/scale`, stale)).status).toBe(409);
    expect(
      (await api.call('PUT', `${path('crews', 'c')}/scale`, { ...scale.body, spec: { replicas: 4 } })).body,
    ).toMatchObject({
      spec: { replicas: 4 },
    });
  });

  test('the rules of the object and of the Scale hold', async () => {
    const patch = (replicas: number) =>
      api.call('PATCH', `${path('crews', 'c')}/scale`, { spec: { replicas } }, merge);
    expect((await patch(10)).body['message']).toMatch(
      /spec\.replicas in body should be less than or equal to 9/,
    );
    expect((await patch(-1)).body['message']).toMatch(
      /spec\.replicas: Invalid value: -1: should be a non-negative integer/,
    );
    expect((await api.call('DELETE', `${path('crews', 'c')}/scale`)).status).toBe(405);
    expect((await api.call('GET', `${path('gadgets', 'first')}/scale`)).status).toBe(404);
  });
});

describe('rules of a live kind', () => {
  test('hold over time, word their messages, and stop before they cost too much', async () => {
    const items = {
      type: 'array',
      maxItems: 1000,
      items: { type: 'string', maxLength: 20 },
      'x-kubernetes-validations': [{ rule: 'self.all(a, self.exists(b, a == b))' }],
    };
    const grown = {
      type: 'integer',
      'x-kubernetes-validations': [
        {
          rule: 'self >= oldSelf',
          messageExpression: '"cannot shrink below " + string(oldSelf)',
          reason: 'FieldValueForbidden',
        },
        { rule: 'oldSelf.hasValue() || self == 1', optionalOldSelf: true, message: 'begins with 1' },
      ],
    };
    await apply(
      crd({ plural: 'growers', kind: 'Grower', versions: [version('v1', { size: grown, items })] }),
    );
    expect((await tryToApply(object('Grower', 'g', { size: 2 }))).stderr).toMatch(
      /spec\.size: Invalid value: 2: begins with 1/,
    );
    await apply(object('Grower', 'g', { size: 1 }));
    await apply(object('Grower', 'g', { size: 5 }));
    expect((await tryToApply(object('Grower', 'g', { size: 4 }))).stderr).toMatch(
      /spec\.size: Forbidden: cannot shrink below 5/,
    );
    const many = Array.from({ length: 1000 }, (_, i) => `item-${i}`);
    const costly = await api.call(
      'POST',
      path('growers'),
      object('Grower', 'costly', { size: 1, items: many }),
    );
    expect([costly.status, costly.body['message']]).toEqual([
      422,
      expect.stringMatching(
        /spec\.items: Invalid value: no further validation rules will be run due to call cost exceeds limit/,
      ),
    ]);
  });
});

test('definitions and objects are there again after a restart, before anybody asks', async () => {
  await apply(crd({ plural: 'stables', kind: 'Stable', scope: 'Cluster' }));
  await apply(object('Stable', 's', { size: 4 }));
  const before = await api.call('GET', `${CRDS}/stables.live.example.com`);
  await api.restart();
  expect((await api.call('GET', '/apis/live.example.com/v1/stables/s')).body).toMatchObject({
    spec: { size: 4 },
  });
  expect((await api.call('GET', `${CRDS}/stables.live.example.com`)).body).toEqual(before.body);
});

test('a deletion that a restart interrupted goes on', async () => {
  await apply(crd({ plural: 'sleepers', kind: 'Sleeper' }));
  await apply(object('Sleeper', 's', {}, 'live.example.com/v1', { finalizers: ['test.dev/hold'] }));
  await ok('delete', 'crd', 'sleepers.live.example.com', '--wait=false');
  await api.restart();
  expect((await api.call('POST', path('sleepers'), object('Sleeper', 'late'))).status).toBe(405);
  await api.call('PATCH', path('sleepers', 's'), { metadata: { finalizers: null } }, merge);
  await ok('wait', '--for=delete', 'crd/sleepers.live.example.com', '--timeout=10s');
  expect((await api.call('GET', path('sleepers'))).status).toBe(404);
});

test('many definitions at once are all served by their answers', async () => {
  const plurals = Array.from({ length: 30 }, (_, i) => `crowds${i}`);
  const served = await Promise.all(
    plurals.map(async (plural, i) => {
      const created = await api.call('POST', CRDS, crd({ plural, kind: `Crowd${i}` }));
      const listed = await api.call('GET', path(plural));
      return [created.status, listed.status];
    }),
  );
  expect(served).toEqual(plurals.map(() => [201, 200]));
});

test('namespaces take the objects of live kinds with them', async () => {
  await apply(crd({ plural: 'tenants', kind: 'Tenant' }));
  await ok('create', 'ns', 'rented');
  await apply(object('Tenant', 't', {}, 'live.example.com/v1', { namespace: 'rented' }));
  await ok('delete', 'ns', 'rented', '--timeout=10s');
  expect(await ok('get', 'tenants', '-A', '-o', 'name')).toBe('');
});
