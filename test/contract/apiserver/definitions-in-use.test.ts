/** What a CustomResourceDefinition may ask for: several versions, scale, rules. */
import { describe, expect, test } from '@jest/globals';
import { crd, merge, object, path, version, servedDefinitions } from './live-definitions.ts';

const { api, apply, metadataOf, ok, tryToApply } = servedDefinitions();

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
    const watch = await api().watch(`${path('phases', '', 'v1')}?watch=true`);
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
    const made = await api().call('POST', path('phases'), object('Phase', 'q', { size: 4, unit: 'cm' }));
    expect(made.body).toMatchObject({ apiVersion: 'live.example.com/v1' });
    expect(made.body['spec']).toEqual({ size: 4 });
  });

  test('move to another storage version, and the old one can go once nothing is stored in it', async () => {
    await apply(both('v1'));
    expect(await ok('get', 'crd', 'phases.live.example.com', '-o', 'jsonpath={.status.storedVersions}')).toBe(
      '["v1beta1","v1"]',
    );
    expect((await api().call('GET', path('phases', 'p', 'v1beta1'))).body['spec']).toEqual({
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
    await api().call('PATCH', path('phases', 'p'), {}, merge);
    const touched = await metadataOf(path('phases', 'p'));
    expect(Number(touched['resourceVersion'])).toBeGreaterThan(Number(before['resourceVersion']));
    await api().call('PATCH', path('phases', 'p'), {}, merge);
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
    expect((await api().call('GET', path('phases', 'p', 'v1beta1'))).status).toBe(404);
    expect((await api().call('GET', path('phases', 'p'))).body).toMatchObject({ spec: { size: 1 } });
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
    expect((await api().kubectl('scale', 'crew/c', '--replicas=7', '--current-replicas=5')).stderr).toMatch(
      /Expected replicas to be 5, was 6/,
    );
    expect(await ok('get', 'crew', 'c', '-o', 'jsonpath={.spec} {.metadata.generation}')).toBe(
      '{"name":"x","replicas":6} 3',
    );
    expect(await ok('get', 'crew', 'c', '--subresource=scale')).toMatch(
      /^NAME +DESIRED +AVAILABLE +AGE\nc +6 +1 +\d+s$/,
    );
    const scale = await api().call('GET', `${path('crews', 'c')}/scale`);
    expect(scale.body).toMatchObject({
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      spec: { replicas: 6 },
      status: { replicas: 1, selector: 'app=crew' },
    });
    const stale = { ...scale.body, metadata: { name: 'c', resourceVersion: '1' } };
    expect((await api().call('PUT', `${path('crews', 'c')}/scale`, stale)).status).toBe(409);
    expect(
      (await api().call('PUT', `${path('crews', 'c')}/scale`, { ...scale.body, spec: { replicas: 4 } })).body,
    ).toMatchObject({
      spec: { replicas: 4 },
    });
  });

  test('the rules of the object and of the Scale hold', async () => {
    const patch = (replicas: number) =>
      api().call('PATCH', `${path('crews', 'c')}/scale`, { spec: { replicas } }, merge);
    expect((await patch(10)).body['message']).toMatch(
      /spec\.replicas in body should be less than or equal to 9/,
    );
    expect((await patch(-1)).body['message']).toMatch(
      /spec\.replicas: Invalid value: -1: should be a non-negative integer/,
    );
    expect((await api().call('DELETE', `${path('crews', 'c')}/scale`)).status).toBe(405);
    expect((await api().call('GET', `${path('gadgets', 'first')}/scale`)).status).toBe(404);
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
    const costly = await api().call(
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
