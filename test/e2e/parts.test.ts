/** `purlin apiserver`, `controller` and `agent` each alone, wired by their flags: what `purlin up` does in one, done in pieces. */
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type Inventory, inventory } from '../support/inventory.ts';
import { Parts } from '../support/parts.ts';
import { purge } from '../support/purge.ts';

jest.setTimeout(300_000);

const mebibyte = 2 ** 20;

const common = (image: string) => `
apiVersion: purlin.dev/v1alpha1
kind: Image
metadata: { name: demo }
spec:
  source: { file: ${image} }
  format: qcow2
---
apiVersion: purlin.dev/v1alpha1
kind: Subnet
metadata: { name: front }
spec: { cidr: 10.79.1.0/24 }
`;

const machine = (name: string, address: string) => `
apiVersion: purlin.dev/v1alpha1
kind: Machine
metadata: { name: ${name} }
spec:
  memory: 96Mi
  disks:
    - name: root
      boot: true
      template: { spec: { size: 256Mi, source: { imageRef: { name: demo } } } }
    - name: data
      template: { spec: { size: 32Mi } }
  interfaces:
    - { name: eth0, subnetRef: { name: front }, address: ${address} }
`;

describe('the parts alone', () => {
  let site: Parts;
  let before: Inventory;
  let first: ChildProcess;
  let agent: ChildProcess;
  let bootId: string | undefined;
  const web = () => site.guest('10.79.1.10');

  beforeAll(async () => {
    site = await Parts.create('parts');
    before = await inventory(site);
    await site.startRedis();
    await site.startApiServer();
    first = await site.startController('c1');
    agent = await site.startAgent('c1');
  });

  afterAll(async () => {
    await site[Symbol.asyncDispose]();
  });

  test('the Host registers itself and becomes Ready', async () => {
    await site.until('the Host is there', () => site.exists('host/h1'));
    await site.waitReady('host/h1');
    expect(await site.leader()).toMatch(/^c1-/);
  });

  test('a Machine gets its disks, its address and its guest', async () => {
    await site.apply([common(site.image), machine('web', '10.79.1.10')].join('---'));
    await site.waitReady('machine/web');
    const { boot_id, ...guest } = await web().info();
    expect(guest).toMatchObject({
      hostname: 'web',
      disk_vda_bytes: String(256 * mebibyte),
      disk_vdb_bytes: String(32 * mebibyte),
    });
    bootId = boot_id;
  });

  test('a controller that is stopped gives its Lease back, and one that waits for it takes over at once', async () => {
    const epoch = await site.epoch();
    await site.startController('c2');
    await site.until('the second controller asks to lead', async () => existsSync(site.trustFile('c2')));
    expect(await site.leader()).toMatch(/^c1-/);

    expect(await site.end(first, 'SIGTERM')).toBe(0);
    const stoppedAt = performance.now();
    await site.until('the second controller leads', async () => (await site.leader()).startsWith('c2-'));
    // A Lease that was not given back runs out after 15 s, of which at most 5 s have passed since it was renewed.
    expect(performance.now() - stoppedAt).toBeLessThan(8_000);
    expect(await site.epoch()).toBeGreaterThan(epoch);
  });

  test('the second controller goes on where the first one stopped', async () => {
    await site.apply(machine('api', '10.79.1.11'));
    await site.waitReady('machine/api');
    expect(await site.guest('10.79.1.11').info()).toMatchObject({ hostname: 'api' });
    await site.waitReady('machine/web');
    expect((await web().info()).boot_id).toBe(bootId);
  });

  test('a guest does not notice that its agent is killed, and the next agent takes it over', async () => {
    await site.end(agent, 'SIGKILL');
    expect((await web().info()).boot_id).toBe(bootId);
    agent = await site.startAgent('c1');
    await site.patch('disk/web-data', { spec: { size: '48Mi' } });
    await site.until(
      'the guest sees its grown disk',
      async () => (await web().info()).disk_vdb_bytes === String(48 * mebibyte),
    );
    await site.waitReady('machine/web');
    expect((await web().info()).boot_id).toBe(bootId);
  });

  test('purlin down --purge refuses while the agent runs, and then leaves nothing of the host side', async () => {
    const refused = await purge(site.dataDir, site.netns);
    expect(refused.stderr).toMatch(/^purlin: another agent runs on .*; stop it first; nothing was removed$/);
    expect(refused.exitCode).toBe(1);
    expect((await web().info()).boot_id).toBe(bootId);

    expect(await site.end(agent, 'SIGTERM')).toBe(0);
    expect(await purge(site.dataDir, site.netns)).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await inventory(site)).toEqual(before);
  });
});
