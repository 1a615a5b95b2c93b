/** Server-side apply over HTTP: what clients other than kubectl rely on. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { WIDGETS, startTestServer } from './harness.ts';
import type { TestServer } from './harness.ts';
import { MERGE, managersOf, partial, spec, widgetClient } from './widget-client.ts';
import type { Widget } from './widget-client.ts';

let api: TestServer;
beforeAll(async () => {
  api = await startTestServer();
});
afterAll(() => api.stop());

const { applyAs, get, patch } = widgetClient(() => api);

describe('apply', () => {
  test('creates with 201, changes with 200, and a repetition writes nothing', async () => {
    const created = await applyAs('a', partial('made', { color: 'red' }));
    expect(created.status).toBe(201);
    const again = await applyAs('a', partial('made', { color: 'red' }));
    expect([again.status, again.body]).toEqual([200, created.body]);
    const changed = await applyAs('a', partial('made', { color: 'blue' }));
    expect(changed.body).toMatchObject({ spec: { color: 'blue', count: 3 }, metadata: { generation: 2 } });
    expect(managersOf(changed.body as never as Widget)).toEqual({ 'a Apply': spec('color') });
  });

  test('takes YAML, whose flow style is no JSON', async () => {
    const yaml =
      'apiVersion: test.purlin.dev/v1alpha1\nkind: Widget\nmetadata:\n  name: yaml\nspec: {color: red}\n';
    expect((await applyAs('a', yaml, '', `${WIDGETS}/yaml`)).status).toBe(201);
    const flow =
      '{apiVersion: test.purlin.dev/v1alpha1, kind: Widget, metadata: {name: flow}, spec: {color: red}}';
    expect((await applyAs('a', flow, '', `${WIDGETS}/flow`)).status).toBe(201);
    expect(await applyAs('a', '{', '', `${WIDGETS}/flow`)).toMatchObject({ status: 400 });
  });

  test('a conflict names every field and who manages it', async () => {
    await applyAs('a', partial('fought', { color: 'red', note: 'mine' }));
    await patch('fought', { spec: { count: 5 } });
    const refused = await applyAs('b', partial('fought', { color: 'blue', count: 6, note: 'mine' }));
    expect(refused).toMatchObject({
      status: 409,
      body: {
        reason: 'Conflict',
        message:
          'Apply failed with 2 conflicts: conflicts with "a":\n- .spec.color\n' +
          'conflicts with "tester" using test.purlin.dev/v1alpha1:\n- .spec.count',
        details: {
          causes: [
            { reason: 'FieldManagerConflict', message: 'conflict with "a"', field: '.spec.color' },
            {
              reason: 'FieldManagerConflict',
              message: 'conflict with "tester" using test.purlin.dev/v1alpha1',
              field: '.spec.count',
            },
          ],
        },
      },
    });
    const forced = await applyAs(
      'b',
      partial('fought', { color: 'blue', count: 6, note: 'mine' }),
      'force=true',
    );
    expect(managersOf(forced.body as never as Widget)).toEqual({
      'a Apply': spec('note'),
      'b Apply': spec('color', 'count', 'note'),
    });
  });

  test('one conflict is told in one line', async () => {
    await applyAs('a', partial('single', { color: 'red', parts: [{ name: 'x', weight: 1 }] }));
    const refused = await applyAs('b', partial('single', { parts: [{ name: 'x', weight: 2 }] }));
    expect(refused.body['message']).toBe(
      'Apply failed with 1 conflict: conflict with "a": .spec.parts[name="x"].weight',
    );
  });

  test('what nobody applies any more goes, and a default comes back', async () => {
    await applyAs('a', partial('less', { color: 'red', count: 7, note: 'x' }, { labels: { l: '1' } }));
    const less = await applyAs('a', partial('less', { color: 'red' }));
    expect(less.body).toMatchObject({ spec: { color: 'red', count: 3 } });
    expect(less.body['metadata']).not.toHaveProperty('labels');
  });

  test.each([
    [
      'no manager',
      '',
      {},
      422,
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    ],
    [
      'a manager that cannot be shown',
      'a%07',
      {},
      422,
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Invalid value: "a\\u0007": invalid character U+0007 (at position 1)',
    ],
    [
      'a manager that is too long',
      'a'.repeat(129),
      {},
      422,
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Too long: may not be more than 128 bytes',
    ],
    [
      'managedFields',
      'a',
      { metadata: { name: 'refused', managedFields: [] } },
      400,
      'metadata.managedFields must be nil',
    ],
    ['another kind', 'a', { kind: 'Rack' }, 400, 'invalid object type: test.purlin.dev/v1alpha1, Kind=Rack'],
    [
      'an unknown field',
      'a',
      { spec: { color: 'red', colour: 1 } },
      500,
      'failed to create typed patch object (/refused; test.purlin.dev/v1alpha1, Kind=Widget): .spec.colour: field not declared in schema',
    ],
    [
      'a value of another type',
      'a',
      { spec: { color: 1 } },
      500,
      'failed to create typed patch object (/refused; test.purlin.dev/v1alpha1, Kind=Widget): .spec.color: expected string, got 1',
    ],
    [
      'an item twice',
      'a',
      { spec: { color: 'red', parts: [{ name: 'x' }, { name: 'x' }] } },
      500,
      'failed to create typed patch object (/refused; test.purlin.dev/v1alpha1, Kind=Widget): .spec.parts: duplicate entries for key [name="x"]',
    ],
    [
      'an invalid object',
      'a',
      { spec: { color: 'red', count: 0 } },
      422,
      'Widget.test.purlin.dev "refused" is invalid: spec.count: Invalid value: 0: spec.count in body should be greater than or equal to 1',
    ],
    [
      'a UID where there is no object',
      'a',
      { metadata: { name: 'refused', uid: 'u' } },
      409,
      'Operation cannot be fulfilled on widgets.test.purlin.dev "refused": uid mismatch: the provided object specified uid u, and no existing object was found',
    ],
    [
      'a version where there is no object',
      'a',
      { metadata: { name: 'refused', resourceVersion: '1' } },
      409,
      'Operation cannot be fulfilled on widgets.test.purlin.dev "refused": the object has been modified; please apply your changes to the latest version and try again',
    ],
  ])('is refused with %s', async (_, manager, more, status, message) => {
    const answer = await applyAs(manager, { ...partial('refused', { color: 'red' }), ...more });
    expect([answer.status, answer.body['message']]).toEqual([status, message]);
    expect((await api.call('GET', `${WIDGETS}/refused`)).status).toBe(404);
  });

  test('a version or UID in the configuration must be the object’s', async () => {
    await applyAs('a', partial('pinned', { color: 'red' }));
    const { metadata } = await get('pinned');
    const stale = { resourceVersion: String(Number(metadata.resourceVersion) - 1) };
    expect((await applyAs('a', partial('pinned', { color: 'blue' }, stale))).status).toBe(409);
    expect((await applyAs('a', partial('pinned', { color: 'blue' }, { uid: 'other' }))).status).toBe(422);
    const { resourceVersion, uid } = metadata;
    expect((await applyAs('a', partial('pinned', { color: 'blue' }, { resourceVersion, uid }))).status).toBe(
      200,
    );
  });

  test('a dry run stores nothing', async () => {
    const dry = await applyAs('a', partial('dry', { color: 'red' }), 'dryRun=All');
    expect(dry).toMatchObject({ status: 201, body: { spec: { count: 3 } } });
    expect((await api.call('GET', `${WIDGETS}/dry`)).status).toBe(404);
    await applyAs('a', partial('dry', { color: 'red' }));
    expect((await applyAs('b', partial('dry', { color: 'blue' }), 'dryRun=All')).status).toBe(409);
    await applyAs('b', partial('dry', { color: 'blue' }), 'dryRun=All&force=true');
    expect(managersOf(await get('dry'))).toEqual({ 'a Apply': spec('color') });
  });

  test('many at once all come through, also where each would create', async () => {
    const labels = Array.from({ length: 12 }, (_, i) => `l${i}`);
    const answers = await Promise.all(
      labels.map((label) => applyAs(label, partial('busy', { color: 'red' }, { labels: { [label]: 'x' } }))),
    );
    expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([
      ...Array<number>(11).fill(200),
      201,
    ]);
    const { metadata } = await get('busy');
    expect(Object.keys(metadata.labels ?? {}).sort()).toEqual(labels.sort());
    expect(metadata.managedFields).toHaveLength(12);
  });

  test('force belongs to apply', async () => {
    await applyAs('a', partial('merged', { color: 'red' }));
    const refused = await patch('merged', {}, MERGE, '?force=true');
    expect(refused).toMatchObject({
      status: 422,
      body: {
        message: expect.stringMatching(/force: Forbidden: may not be specified for non-apply patch/) as never,
      },
    });
  });
});

describe('status', () => {
  const at = (name: string) => `${WIDGETS}/${name}/status`;
  const status = (name: string, phase: string) => ({
    ...partial(name, {}),
    spec: { color: 'blue' },
    status: { phase },
  });

  test('is applied through its subresource alone, by a manager of its own', async () => {
    await applyAs('a', { ...partial('reported', { color: 'red' }), status: { phase: 'ignored' } } as never);
    expect(await get('reported')).not.toHaveProperty('status');
    const applied = await applyAs('a', status('reported', 'Done'), '', at('reported'));
    expect(applied.body).toMatchObject({
      spec: { color: 'red' },
      status: { phase: 'Done' },
      metadata: { generation: 1 },
    });
    expect(managersOf(applied.body as never as Widget)).toEqual({
      'a Apply': spec('color'),
      'a Apply of status': { 'f:status': { 'f:phase': {} } },
    });
    const refused = await applyAs('b', status('reported', 'Other'), '', at('reported'));
    expect(refused.body['message']).toBe(
      'Apply failed with 1 conflict: conflict with "a" with subresource "status": .status.phase',
    );
  });

  test('does not create', async () => {
    expect((await applyAs('a', status('nobody', 'Done'), '', at('nobody'))).status).toBe(404);
  });

  test('a patch of it says nothing of managedFields', async () => {
    await applyAs('a', partial('kept', { color: 'red' }));
    const body = { metadata: { managedFields: [] }, status: { phase: 'Done' } };
    const patched = await patch('kept/status', body);
    expect(managersOf(patched.body as never as Widget)).toEqual({
      'a Apply': spec('color'),
      'tester Update of status': { 'f:status': { '.': {}, 'f:phase': {} } },
    });
  });
});
