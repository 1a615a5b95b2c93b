/** A Machine with UEFI: its firmware, and the memory that the firmware keeps over restarts. */
import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { Installation } from '../support/installation.ts';

jest.setTimeout(300_000);

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
spec: { cidr: 10.75.1.0/24 }
---
apiVersion: purlin.dev/v1alpha1
kind: Machine
metadata: { name: web }
spec:
  memory: 256Mi # syslinux.efi finds no room for the kernel in 128Mi
  firmware: UEFI
  disks:
    - name: root
      boot: true
      template: { spec: { size: 256Mi, source: { imageRef: { name: demo } } } }
  interfaces:
    - { name: eth0, subnetRef: { name: front }, address: 10.75.1.10 }
`;

const firmwareCode = '/usr/share/OVMF/OVMF_CODE_4M.fd';
const firmwareVariables = '/usr/share/OVMF/OVMF_VARS_4M.fd';

describe('a Machine with UEFI', () => {
  let site: Installation;
  let uid: string;
  let nvram: string;
  const web = () => site.guest('10.75.1.10');

  beforeAll(async () => {
    site = await Installation.create('uefi');
    await site.up();
    await site.apply(resources(site.image));
    await site.waitReady('machine/web');
    uid = (await site.get('machine/web')).metadata.uid;
    nvram = join(site.dataDir, 'machines', uid, 'nvram');
  });

  afterAll(async () => {
    await site[Symbol.asyncDispose]();
  });

  test('boots through UEFI, as its guest sees', async () => {
    expect(await web().info()).toMatchObject({ hostname: 'web', firmware: 'uefi' });
  });

  test('has the firmware as read-only flash, and its variables in a file of its own', async () => {
    const domain = await site.virsh('dumpxml', uid);
    expect(domain).toContain(`<loader readonly='yes' type='pflash'>${firmwareCode}</loader>`);
    expect(domain).toContain(`<nvram template='${firmwareVariables}'>${nvram}</nvram>`);
    const commandLine = await readFile(`/proc/${await site.qemuOf(uid)}/cmdline`, 'utf8');
    expect(commandLine).toContain(firmwareCode);
    expect(commandLine).toContain(nvram);
    // The firmware has written to it: boot entries at least.
    const [variables, template] = await Promise.all([readFile(nvram), readFile(firmwareVariables)]);
    expect(variables.length).toBe(template.length);
    expect(variables.equals(template)).toBe(false);
  });

  test('keeps its variables when QEMU is killed', async () => {
    const { boot_id } = await web().info();
    const { ino } = await stat(nvram);
    await mark(nvram);
    process.kill(await site.qemuOf(uid), 'SIGKILL');
    await site.event('web', 'GuestStopped');
    await site.waitReady('machine/web');
    const info = await web().info();
    expect(info).toMatchObject({ firmware: 'uefi' });
    expect(info.boot_id).not.toBe(boot_id);
    expect((await stat(nvram)).ino).toBe(ino);
    expect(await readMark(nvram)).toBe(markText);
  });

  test('cannot become one with BIOS', async () => {
    await expect(site.patch('machine/web', { spec: { firmware: 'BIOS' } })).rejects.toThrow(
      'firmware cannot be changed; make a new Machine',
    );
  });

  test('takes its variables with it when it is deleted', async () => {
    await site.kubectl('delete', 'machine/web', '--cascade=foreground', '--timeout=120s');
    expect(await site.processes('qemu-system', uid)).toEqual([]);
    await expect(stat(join(site.dataDir, 'machines', uid))).rejects.toThrow('ENOENT');
    expect((await site.virsh('list', '--all', '--uuid')).trim()).toBe('');
  });
});

/** Written where the firmware writes only while it reclaims room; a file made anew from the template would not have it. */
const markText = 'not made anew';

async function mark(file: string): Promise<void> {
  await using handle = await open(file, 'r+');
  await handle.write(markText, (await handle.stat()).size - markText.length);
}

async function readMark(file: string): Promise<string> {
  return (await readFile(file)).subarray(-markText.length).toString();
}
