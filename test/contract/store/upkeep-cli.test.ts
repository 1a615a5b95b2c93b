/** `purlin store` as its user runs it, against an API server in another process and without one. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { once } from 'node:events';
import { DatabaseSync } from 'node:sqlite';
import { encryptionOf } from '../../../src/apiserver/encryption.ts';
import { systemClock } from '../../../src/clock/clock.ts';
import { pathsOf } from '../../../src/compose/paths.ts';
import type { ApiClient } from '../../../src/reconcile/api-client.ts';
import { Informer } from '../../../src/reconcile/informer.ts';
import type { Resource } from '../../../src/resources/metadata.ts';
import { createLogger } from '../../../src/telemetry/logger.ts';
import { openCopy, openStore } from '../../../src/store/index.ts';
import { ApiProcess } from './api-process.ts';

jest.setTimeout(120_000);

const CONFIG_MAPS = { group: '', version: 'v1', plural: 'configmaps' };
type ConfigMap = Resource & { data?: Record<string, string> };

let site: ApiProcess;
let client: ApiClient;
beforeAll(async () => {
  site = await ApiProcess.create();
  await site.start();
  client = await site.client();
});
afterAll(async () => {
  client.close();
  await site[Symbol.asyncDispose]();
});

const create = (name: string, value: string): Promise<ConfigMap> =>
  client.create(CONFIG_MAPS, 'default', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name },
    data: { value },
  });
const setTo = (name: string, value: string) =>
  client.patch(CONFIG_MAPS, { namespace: 'default', name }, { data: { value } });

/** The cells of the rows below a table's head. */
const cells = (text: string): string[][] =>
  text
    .split('\n')
    .slice(1)
    .map((line) => line.split(/ {3,}/));

describe('while the API server runs', () => {
  test('a backup has what was acknowledged before, and of what comes meanwhile a beginning', async () => {
    let count = 0;
    let stopping = false;
    const writing = (async () => {
      for (; !stopping; count += 1) await create(`busy-${count}`, 'x'.repeat(2_000));
    })();
    for (const name of ['one.db', 'two.db', 'three.db']) {
      const before = count;
      const file = site.path(name);
      const { code, stdout, stderr } = await site.purlin('store', 'backup', file);
      expect([code, stderr]).toEqual([0, '']);
      expect(stdout).toMatch(/^BACKUP +REVISION +OBJECTS +SIZE +ENCRYPTION KEYS\n/);
      expect(statSync(file).mode & 0o777).toBe(0o600);
      const copied = openStoreRead(file);
      expect(cells(stdout)).toEqual([
        [
          file,
          String(copied.revision),
          String(copied.objects),
          expect.stringMatching(/^[\d.]+ [KM]iB$/),
          '-',
        ],
      ]);
      expect(copied.busy).toBeGreaterThanOrEqual(before);
      expect(copied.names).toEqual(Array.from({ length: copied.busy }, (_, index) => `busy-${index}`).sort());
    }
    stopping = true;
    await writing;
    expect(count).toBeGreaterThan(10);
  });

  function openStoreRead(file: string) {
    const db = openCopy(file);
    const all = (sql: string) => db.prepare(sql).all() as Record<string, number | string>[];
    const names = all("SELECT key FROM cur WHERE key LIKE '%/busy-%'").map(({ key }) =>
      String(key).replace(/.*\//, ''),
    );
    const revision = all("SELECT value FROM meta WHERE name = 'revision'")[0]?.['value'];
    const objects = all('SELECT count(*) AS n FROM cur')[0]?.['n'];
    db.close();
    return { names: names.sort(), busy: names.length, revision, objects };
  }

  test('a verification says that all is sound', async () => {
    const { code, stdout } = await site.purlin('store', 'verify');
    expect(cells(stdout)[0]?.[5]).toBe('sound');
    expect(code).toBe(0);
  });

  test('a compaction forgets the history, and says what it has freed', async () => {
    const { resourceVersion: old } = (await create('short', '1')).metadata;
    await setTo('short', '2');
    const kept = await site.purlin('store', 'compact', '--revision', old);
    expect(cells(kept.stdout)[0]?.[1]).toBe(old);
    const { code, stdout } = await site.purlin('store', 'compact');
    const [revision, compacted] = cells(stdout)[0] ?? [];
    expect([code, compacted]).toEqual([0, revision]);
    expect(Number(compacted)).toBeGreaterThan(Number(old));
    expect((await firstEvent(old)).object).toMatchObject({ code: 410, reason: 'Expired' });
  });

  test('Secrets are encrypted, and a change of keys is seen by nobody', async () => {
    const secrets = { ...CONFIG_MAPS, plural: 'secrets' };
    const place = { namespace: 'default', name: 'top' };
    const password = Buffer.from('of the test').toString('base64');
    await client.create(secrets, 'default', {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'top' },
      data: { password },
    });
    const before = await client.get(secrets, place);
    const { store: file } = pathsOf(site.dataDir);
    const shown = () => [file, `${file}-wal`].some((each) => readFileSync(each).includes(password));
    expect(shown()).toBe(false);
    const first = await site.purlin('store', 'rotate-keys');
    const second = await site.purlin('store', 'rotate-keys');
    expect([first.code, second.code]).toEqual([0, 0]);
    expect(cells(second.stdout)[0]?.[2]).toBe(cells(first.stdout)[0]?.[0]);
    expect(await client.get(secrets, place)).toEqual(before);
    expect(shown()).toBe(false);
    expect(await site.purlin('store', 'verify')).toMatchObject({ code: 0 });
  });

  test('one who holds the file keeps others off until he goes, however he goes', async () => {
    const socket = connect(pathsOf(site.dataDir).storeSocket);
    socket.write(`${JSON.stringify({ name: 'freeze' })}\n`);
    await once(socket, 'data');
    const refused = await site.purlin('store', 'backup', site.path('four.db'));
    expect([refused.code, refused.stderr]).toEqual([
      1,
      'purlin: a backup or a verification of the store is under way; try again when it is done',
    ]);
    socket.write('{ nonsense\n');
    expect(String((await once(socket, 'data'))[0])).toMatch(/^\{"refused":/);
    socket.destroy();
    await once(socket, 'close');
    const { code, stderr } = await site.purlin('store', 'backup', site.path('four.db'));
    expect([code, stderr]).toEqual([0, '']);
  });

  test.each([
    [['backup', 'one.db'], /one\.db exists already; name another file, or replace it with --force$/],
    [['compact', '--revision', '999999'], /revision 999999 is in the future, the store is at \d+$/],
    [['restore', 'one.db'], /the store is in use by a Purlin that runs with this data directory; stop it/],
    [['restore', 'none.db'], /there is no file .*none\.db$/],
    [['verify', 'none.db'], /there is no file .*none\.db$/],
  ])('%j is refused', async ([command = '', ...args], message) => {
    const inPlace = args.map((arg) => (arg.endsWith('.db') ? site.path(arg) : arg));
    const { code, stdout, stderr } = await site.purlin('store', command, ...inPlace);
    expect(stderr).toMatch(message);
    expect([code, stdout]).toEqual([1, '']);
  });

  test('a second server on the directory is refused', async () => {
    const { code, stderr } = await site.purlin('apiserver', '--api-port', '0');
    expect(stderr).toBe(
      'purlin: the store is in use by a Purlin that runs with this data directory; stop it with purlin down',
    );
    expect(code).toBe(1);
  });
});

/** Of a watch from a version on. */
async function firstEvent(resourceVersion: string) {
  for await (const event of client.watch(CONFIG_MAPS, resourceVersion, AbortSignal.timeout(30_000)))
    return event;
  throw new Error('the watch ended');
}

test('clients find their way across a restore', async () => {
  const logger = await createLogger({ level: 'error', format: 'json' });
  const heard = new EventTarget();
  const informer = new Informer({ client, clock: systemClock, logger }, CONFIG_MAPS, () =>
    heard.dispatchEvent(new Event('change')),
  );
  const values = () =>
    Object.fromEntries(
      (informer.cache.list() as ConfigMap[])
        .filter(({ metadata }) => metadata.name.startsWith('kept-'))
        .map(({ metadata, data }) => [metadata.name, data?.['value']]),
    );
  const told = async (expected: Record<string, string>): Promise<void> => {
    while (JSON.stringify(values()) !== JSON.stringify(expected)) {
      await once(heard, 'change', { signal: AbortSignal.timeout(30_000) });
    }
  };
  informer.start();
  await create('kept-a', 'of the backup');
  await create('kept-b', 'of the backup');
  const backup = site.path('restored.db');
  expect(await site.purlin('store', 'backup', backup)).toMatchObject({ code: 0 });
  const later = (await setTo('kept-a', 'of later')) as ConfigMap;
  const { uid } = (await client.get<ConfigMap>(CONFIG_MAPS, { namespace: 'default', name: 'kept-b' }))
    .metadata;
  await client.delete(CONFIG_MAPS, { namespace: 'default', name: 'kept-b' }, uid);
  const lost = await create('kept-c', 'of later');
  await told({ 'kept-a': 'of later', 'kept-c': 'of later' });

  await site.stop();
  const { code, stdout, stderr } = await site.purlin('store', 'restore', backup);
  expect([code, stderr]).toEqual([0, '']);
  const replaced = readdirSync(join(site.dataDir, 'api')).filter((name) => name.includes('.replaced-'));
  expect(cells(stdout)[0]).toEqual([
    backup,
    expect.stringMatching(/^\d+$/),
    expect.stringMatching(/^\d+$/),
    // By the clock, in microseconds.
    expect.stringMatching(/^\d{16}$/),
    join(site.dataDir, 'api', replaced[0] ?? ''),
  ]);
  await site.start();

  await told({ 'kept-a': 'of the backup', 'kept-b': 'of the backup' });
  for (const { metadata } of [later, lost])
    expect((await firstEvent(metadata.resourceVersion)).object).toMatchObject({
      code: 410,
      reason: 'Expired',
    });
  const restored = await client.get<ConfigMap>(CONFIG_MAPS, { namespace: 'default', name: 'kept-a' });
  await expect(
    client.replace(CONFIG_MAPS, { namespace: 'default', name: 'kept-a' }, { ...restored, ...later }),
  ).rejects.toMatchObject({ code: 409 });
  expect(restored.metadata.uid).toBe(later.metadata.uid);
  await setTo('kept-a', 'of after');
  await told({ 'kept-a': 'of after', 'kept-b': 'of the backup' });
  await informer.stop();
});

describe('without an API server', () => {
  beforeAll(() => site.stop('SIGKILL'));

  test('the store of one that was killed can be backed up, verified and compacted', async () => {
    const file = site.path('alone.db');
    expect(await site.purlin('store', 'backup', file)).toMatchObject({ code: 0, stderr: '' });
    for (const place of [[], [file]]) {
      const { code, stdout } = await site.purlin('store', 'verify', ...place);
      expect([code, cells(stdout)[0]?.[5]]).toEqual([0, 'sound']);
    }
    const { stdout } = await site.purlin('store', 'compact');
    expect(cells(stdout)[0]?.[3]).toBe('0 B');
  });

  test('damage is named, and the exit status says it', async () => {
    const file = site.path('alone.db');
    const db = new DatabaseSync(file);
    db.exec("UPDATE log SET value = replace(value, 'kept-b', 'kept-x') WHERE key LIKE '%/kept-b'");
    db.close();
    const { code, stdout } = await site.purlin('store', 'verify', file);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /damaged\n\nKEY +REVISION +FINDING\n\/registry\/core\/configmaps\/default\/kept-b +\d+ +what is stored/,
    );
    const refused = await site.purlin('store', 'restore', file);
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringMatching(/is damaged: what is stored of/),
    ]);
  });

  test('a value that is not the object of its key is found, however sound it is', async () => {
    const { store: file, apiDir } = pathsOf(site.dataDir);
    const store = openStore({ file, encryption: encryptionOf(apiDir) });
    await store.create(
      '/registry/core/configmaps/default/odd',
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"even"}}',
    );
    store.close();
    const { code, stdout } = await site.purlin('store', 'verify');
    expect(code).toBe(1);
    expect(stdout).toMatch(/configmaps\/default\/odd +\d+ +it has the name "even"/);
  });
});
