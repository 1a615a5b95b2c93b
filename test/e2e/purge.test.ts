/** `purlin down --purge`: nothing of an installation is left, and nothing else is touched. */
import { mkdir, readdir, readlink, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { processesNaming } from '../../scripts/lib/leftovers.ts';
import { netnsProcesses } from '../../scripts/lib/netns.ts';
import { Installation } from '../support/installation.ts';
import { type Inventory, inventory } from '../support/inventory.ts';
import { purge } from '../support/purge.ts';

jest.setTimeout(300_000);

/** Both kinds of firmware, both kinds of egress, and something of every kind that leaves a trace on a host. */
const resources = (image: string) => `
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
spec: { cidr: 10.76.1.0/24, egress: NAT }
---
apiVersion: purlin.dev/v1alpha1
kind: Subnet
metadata: { name: back }
spec: { cidr: 10.76.2.0/24, egress: None }
---
apiVersion: purlin.dev/v1alpha1
kind: Disk
metadata: { name: spare }
spec: { size: 32Mi }
---
apiVersion: purlin.dev/v1alpha1
kind: Machine
metadata: { name: web }
spec:
  memory: 96Mi
  disks:
    - name: root
      template: { spec: { size: 256Mi, source: { imageRef: { name: demo } } } }
    - { name: spare, diskRef: { name: spare } }
  interfaces:
    - { name: eth0, subnetRef: { name: front }, address: 10.76.1.10 }
    - { name: eth1, subnetRef: { name: back } }
  userData:
    inline: |
      #!/bin/sh
---
apiVersion: purlin.dev/v1alpha1
kind: Machine
metadata: { name: firm }
spec:
  memory: 64Mi
  firmware: UEFI
  disks:
    - name: blank
      template: { spec: { size: 16Mi } }
`;

/** Empty for a process that ended meanwhile. */
const programOf = async (pid: number) => basename(await readlink(`/proc/${pid}/exe`).catch(() => ''));

describe('purlin down --purge', () => {
  let site: Installation;
  let before: Inventory;

  beforeAll(async () => {
    site = await Installation.create('purge');
    before = await inventory(site);
  });

  afterAll(async () => {
    await site[Symbol.asyncDispose]();
  });

  async function upWithGuests(): Promise<void> {
    await site.up();
    await site.apply(resources(site.image));
    await site.waitReady('machine/web');
    await site.waitReady('machine/firm');
    expect(await site.processes('qemu-system')).toHaveLength(2);
    expect((await inventory(site)).nftables).not.toEqual(before.nftables);
  }

  /** Inside the namespace and outside of it. */
  async function nothingIsLeft(): Promise<void> {
    expect(await inventory(site)).toEqual(before);
    expect(await processesNaming(site.dataDir)).toEqual([]);
    await expect(stat(site.dataDir)).rejects.toThrow('ENOENT');
  }

  test('is refused while a daemon hangs, and touches nothing', async () => {
    await upWithGuests();
    const { boot_id } = await site.guest('10.76.1.10').info();
    const processes = await netnsProcesses(site.netns);
    site.daemon.kill('SIGSTOP');
    try {
      const { exitCode, stderr } = await purge(site.dataDir);
      expect(stderr).toBe(
        `purlin: purlin still runs with data directory ${site.dataDir}; stop it first; nothing was removed`,
      );
      expect(exitCode).toBe(1);
    } finally {
      site.daemon.kill('SIGCONT');
    }
    expect(await netnsProcesses(site.netns)).toEqual(processes);
    expect(await site.isReady()).toBe(true);
    expect((await site.guest('10.76.1.10').info()).boot_id).toBe(boot_id);
  });

  test('stops a daemon that runs, and leaves no guest, process, link, rule or file', async () => {
    const { daemon } = site;
    expect(await purge(site.dataDir)).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await site.end(daemon, 'SIGTERM')).toBe(0);
    await nothingIsLeft();
  });

  test('leaves nothing after a crash of the daemon either', async () => {
    await upWithGuests();
    await site.crash('supervisor');
    await site.until('its parts have ended', async () => {
      const programs = await Promise.all((await processesNaming(site.dataDir)).map(programOf));
      return !programs.includes('node');
    });
    expect(await purge(site.dataDir)).toMatchObject({ exitCode: 0, stderr: '' });
    await nothingIsLeft();
  });

  test('leaves a directory alone that is not of Purlin', async () => {
    const strange = site.path('strange');
    await mkdir(join(strange, 'disks'), { recursive: true });
    await writeFile(join(strange, 'letter.txt'), 'dear');
    for (const directory of [strange, join(strange, 'disks')]) {
      const { exitCode, stderr } = await purge(directory);
      expect(stderr).toBe(`purlin: ${directory} is no data directory of purlin; nothing was removed`);
      expect(exitCode).toBe(1);
    }
    expect((await readdir(strange)).sort()).toEqual(['disks', 'letter.txt']);
  });

  test('has nothing to do where there is nothing', async () => {
    expect(await purge(site.dataDir)).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
  });
});
