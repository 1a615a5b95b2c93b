import { expect, test } from '@jest/globals';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FIXTURES, WIDGETS, startTestServer, widget } from './harness.ts';

const merge = { 'content-type': 'application/merge-patch+json' };

test('a new version of a definition serves what the old one stored, and locks nobody out', async () => {
  const crds = await mkdtemp(join(tmpdir(), 'purlin-crds-'));
  const file = join(crds, 'widgets.yaml');
  const original = await readFile(join(FIXTURES, 'widgets.yaml'), 'utf8');
  await writeFile(file, original);
  const api = await startTestServer(crds);
  try {
    const finalizers = ['test.dev/hold'];
    const created = await api.call(
      'POST',
      WIDGETS,
      widget('old', { count: 9, note: 'hello' }, { finalizers }),
    );
    expect(created.status).toBe(201);

    // Stricter (count at most 5), poorer (no note), richer (shape has a default).
    const changed = original
      .replace('maximum: 9', 'maximum: 5')
      .replace(/ +note: .*\n/, '')
      .replace(
        'count: {',
        'shape: { type: string, default: round, description: Its shape. }\n                count: {',
      );
    await writeFile(file, changed);
    await api.restart();

    const crd = await api.call(
      'GET',
      '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.test.purlin.dev',
    );
    expect(crd.body['metadata']).toMatchObject({ generation: 2 });
    const path = `${WIDGETS}/old`;
    expect((await api.call('GET', path)).body).toMatchObject({ spec: { shape: 'round', note: 'hello' } });
    const labelled = await api.call(
      'PATCH',
      `${path}?fieldValidation=Strict`,
      { metadata: { labels: { a: 'b' } } },
      merge,
    );
    expect([labelled.status, labelled.body['message']]).toEqual([200, undefined]);
    expect(labelled.body).toMatchObject({ metadata: { generation: 1 }, spec: { count: 9, shape: 'round' } });
    expect(labelled.body['spec']).not.toHaveProperty('note');
    expect((await api.call('PATCH', path, { spec: { count: 8 } }, merge)).status).toBe(422);
    expect((await api.call('PATCH', `${path}/status`, { status: { phase: 'Fine' } }, merge)).status).toBe(
      200,
    );
    expect((await api.call('DELETE', path)).status).toBe(200);
    expect((await api.call('PATCH', path, { metadata: { finalizers: null } }, merge)).status).toBe(200);
    expect((await api.call('GET', path)).status).toBe(404);
  } finally {
    await api.stop();
    await rm(crds, { recursive: true });
  }
});
