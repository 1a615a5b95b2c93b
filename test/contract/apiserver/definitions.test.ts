/** CustomResourceDefinitions as live objects, with the real kubectl. */
import { describe, expect, test } from '@jest/globals';
import { CRDS, crd, merge, object, path, version, servedDefinitions } from './live-definitions.ts';

const { api, apply, metadataOf, ok, tryToApply } = servedDefinitions();

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
    const { body } = await api().call('GET', `${CRDS}/gadgets.live.example.com`);
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
    const watch = await api().watch(
      `${path('gadgets')}?watch=true&resourceVersion=0&allowWatchBookmarks=true`,
    );
    expect((await watch.next())?.object.metadata['name']).toBe('first');
    const before = await api().call('GET', '/openapi/v3');
    const poorer = structuredClone(gadgets);
    poorer.spec.versions = [version('v1', { weight: { type: 'integer', default: 7 } })];
    expect(await apply(poorer)).toMatch(/configured$/);
    const last = [];
    for (let event = await watch.next(); event; event = await watch.next()) last.push(event.type);
    expect(last).toEqual(['BOOKMARK']);
    const after = await api().call('GET', '/openapi/v3');
    expect(after.headers['etag']).not.toBe(before.headers['etag']);
    expect((await api().call('GET', path('gadgets', 'first'))).body).toMatchObject({
      spec: { weight: 7, size: 3 },
    });
    expect(await ok('get', 'gd')).toMatch(/^NAME +AGE\nfirst +\d+s$/);
    const refused = await tryToApply(object('Gadget', 'second', { size: 3 }));
    expect(refused.stderr).toMatch(/strict decoding error: unknown field "spec\.size"/);
  });

  test('keeps the watches of other kinds', async () => {
    const watch = await api().watch(`${path('gadgets')}?watch=true`);
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
    const watch = await api().watch(`${path('leavers')}?watch=true`);
    expect((await watch.next())?.type).toBe('ADDED');
    expect(await ok('delete', 'crd', 'leavers.live.example.com', '--timeout=10s')).toMatch(/deleted/);
    expect((await watch.next())?.type).toBe('DELETED');
    expect(await watch.next()).toBeUndefined();
    const gone = await api().call('GET', path('leavers'));
    expect([gone.status, gone.body['text']]).toEqual([404, '404 page not found\n']);
    expect((await api().kubectl('get', 'leavers')).stderr).toMatch(
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
    const late = await api().call('POST', path('stayers'), object('Stayer', 'late'));
    expect([late.status, late.body['message']]).toEqual([
      405,
      'create not allowed while custom resource definition is terminating',
    ]);
    expect(
      (await api().call('PATCH', path('stayers', 'held'), { metadata: { finalizers: null } }, merge)).status,
    ).toBe(200);
    await ok('wait', '--for=delete', 'crd/stayers.live.example.com', '--timeout=10s');
    expect((await api().call('GET', path('stayers'))).status).toBe(404);
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
    expect((await api().call('GET', path('owls'))).status).toBe(404);
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

test('definitions and objects are there again after a restart, before anybody asks', async () => {
  await apply(crd({ plural: 'stables', kind: 'Stable', scope: 'Cluster' }));
  await apply(object('Stable', 's', { size: 4 }));
  const before = await api().call('GET', `${CRDS}/stables.live.example.com`);
  await api().restart();
  expect((await api().call('GET', '/apis/live.example.com/v1/stables/s')).body).toMatchObject({
    spec: { size: 4 },
  });
  expect((await api().call('GET', `${CRDS}/stables.live.example.com`)).body).toEqual(before.body);
});

test('a deletion that a restart interrupted goes on', async () => {
  await apply(crd({ plural: 'sleepers', kind: 'Sleeper' }));
  await apply(object('Sleeper', 's', {}, 'live.example.com/v1', { finalizers: ['test.dev/hold'] }));
  await ok('delete', 'crd', 'sleepers.live.example.com', '--wait=false');
  await api().restart();
  expect((await api().call('POST', path('sleepers'), object('Sleeper', 'late'))).status).toBe(405);
  await api().call('PATCH', path('sleepers', 's'), { metadata: { finalizers: null } }, merge);
  await ok('wait', '--for=delete', 'crd/sleepers.live.example.com', '--timeout=10s');
  expect((await api().call('GET', path('sleepers'))).status).toBe(404);
});

test('many definitions at once are all served by their answers', async () => {
  const plurals = Array.from({ length: 30 }, (_, i) => `crowds${i}`);
  const served = await Promise.all(
    plurals.map(async (plural, i) => {
      const created = await api().call('POST', CRDS, crd({ plural, kind: `Crowd${i}` }));
      const listed = await api().call('GET', path(plural));
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
