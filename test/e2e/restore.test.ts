/** A backup of the store that is restored while guests run, some of which it does not know. Each test goes on from the one before. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { execa } from 'execa';
import { purlinMain } from '../../scripts/lib/build.ts';
import { Installation } from '../support/installation.ts';

jest.setTimeout(300_000);

const purlin = (kind: string, name: string, spec: object) => ({
  apiVersion: 'purlin.dev/v1alpha1',
  kind,
  metadata: { name },
  spec,
});
const secret = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'top' },
  stringData: { password: 'of the backup' },
};
const machine = (name: string, address: string) =>
  purlin('Machine', name, {
    memory: '96Mi',
    disks: [{ name: 'root', template: { spec: { size: '256Mi', source: { imageRef: { name: 'demo' } } } } }],
    interfaces: [{ name: 'eth0', subnetRef: { name: 'front' }, address }],
  });

describe('an older store', () => {
  let site: Installation;
  let backup: string;
  let laterUid: string;
  const boots = new Map<string, string | undefined>();
  const bootOf = async (address: string) => (await site.guest(address).info()).boot_id;
  const store = (...args: string[]) =>
    execa(process.execPath, [purlinMain, 'store', ...args, '--data-dir', site.dataDir], { reject: false });

  const apply = (...items: object[]) => site.apply(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));

  beforeAll(async () => {
    site = await Installation.create('restore');
    backup = site.path('backup.db');
    await site.up();
    const image = purlin('Image', 'demo', { source: { file: site.image }, format: 'qcow2' });
    const subnet = purlin('Subnet', 'front', { cidr: '10.80.1.0/24' });
    await apply(image, subnet, secret, machine('kept', '10.80.1.10'));
    await site.waitReady('machine/kept');
  });
  afterAll(async () => {
    await site[Symbol.asyncDispose]();
  });

  test('is backed up while Purlin runs, and not restored then', async () => {
    expect(await store('backup', backup)).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await store('verify')).toMatchObject({ exitCode: 0 });
    await apply(machine('later', '10.80.1.11'));
    await site.waitReady('machine/later');
    laterUid = (await site.get('machine/later')).metadata.uid;
    await site.kubectl('delete', 'secret', 'top');
    for (const address of ['10.80.1.10', '10.80.1.11']) boots.set(address, await bootOf(address));
    const { exitCode, stderr } = await store('restore', backup);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /^purlin: purlin \(pid \d+\) runs with this data directory; stop it with purlin down/,
    );
  });

  test('is restored: what it has is there, and its guest never stopped', async () => {
    await site.down();
    expect(await store('restore', backup)).toMatchObject({ exitCode: 0, stderr: '' });
    await site.up();
    await site.waitReady('machine/kept');
    expect(await bootOf('10.80.1.10')).toBe(boots.get('10.80.1.10'));
    const password = await site.kubectl('get', 'secret', 'top', '-o', 'jsonpath={.data.password}');
    expect(Buffer.from(password, 'base64').toString()).toBe('of the backup');
    expect(await site.exists('machine/later')).toBe(false);
  });

  test('a guest that it does not know is listed as an orphan, and runs on', async () => {
    await site.until('the orphan is listed', async () =>
      JSON.stringify((await site.get('host/h1')).status ?? {}).includes(laterUid),
    );
    // Controllers that have looked at the host and made something since would have removed it by now.
    await apply(machine('new', '10.80.1.12'));
    await site.waitReady('machine/new');
    expect(await bootOf('10.80.1.11')).toBe(boots.get('10.80.1.11'));
    expect(await site.virsh('list', '--uuid')).toContain(laterUid);
  });
});
