/** The life of two Machines on a real host, from `kubectl apply` to the last file gone. Each test goes on from the one before. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { Installation } from '../support/installation.ts';
import { type Inventory, inventory } from '../support/inventory.ts';

jest.setTimeout(300_000);

const mebibyte = 2 ** 20;

const resources = (image: string) => `
apiVersion: v1
kind: Namespace
metadata: { name: lab }
---
apiVersion: purlin.dev/v1alpha1
kind: Image
metadata: { name: demo, namespace: lab }
spec:
  source: { file: ${image} }
  format: qcow2
---
apiVersion: purlin.dev/v1alpha1
kind: Subnet
metadata: { name: front, namespace: lab }
spec: { cidr: 10.77.1.0/24 }
---
apiVersion: purlin.dev/v1alpha1
kind: Machine
metadata: { name: web, namespace: lab }
spec:
  memory: 128Mi
  disks:
    - name: root
      boot: true
      template: { spec: { size: 256Mi, source: { imageRef: { name: demo } } } }
    - name: data
      template: { spec: { size: 64Mi } }
  interfaces:
    - { name: eth0, subnetRef: { name: front }, address: 10.77.1.10 }
  userData:
    inline: |
      #!/bin/sh
      echo "I am $(hostname)" > /www/index.html
`;

const secondMachine = `
apiVersion: v1
kind: Secret
metadata: { name: cloud, namespace: lab }
stringData:
  userData: |
    #!/bin/sh
    echo "from a Secret" > /www/index.html
---
apiVersion: purlin.dev/v1alpha1
kind: Disk
metadata: { name: extra, namespace: lab }
spec: { size: 32Mi }
---
apiVersion: purlin.dev/v1alpha1
kind: Machine
metadata: { name: api, namespace: lab }
spec:
  memory: 128Mi
  disks:
    - name: root
      boot: true
      template: { spec: { size: 256Mi, source: { imageRef: { name: demo } } } }
    - name: extra
      diskRef: { name: extra }
  interfaces:
    - { name: eth0, subnetRef: { name: front } }
  userData:
    secretRef: { name: cloud, key: userData }
`;

/** What is kept for good: the store, Redis, libvirt's own state, the record of what was removed, two empty directories. */
const books = /^((api|redis|libvirt|agent)\/|network(\/(ports|subnets))?$)/;

describe('the life of a Machine', () => {
  let site: Installation;
  let before: Inventory;
  const lab = ['--namespace', 'lab'];
  const web = () => site.guest('10.77.1.10');

  beforeAll(async () => {
    site = await Installation.create('life');
    await site.up();
    before = await inventory(site, books);
  });

  afterAll(async () => {
    await site[Symbol.asyncDispose]();
  });

  test('kubectl apply makes a guest that answers HTTP', async () => {
    await site.apply(resources(site.image));
    await site.waitReady('machine/web', ...lab);
    expect(await web().page()).toContain('I am web');
  });

  test('the guest is what the spec says', async () => {
    const { metadata, status } = await site.get('machine/web', ...lab);
    expect(await web().info()).toMatchObject({
      hostname: 'web',
      instance_id: metadata.uid,
      cpus: '1',
      address_eth0: '10.77.1.10/24',
      mac_eth0: status?.addresses?.[0]?.macAddress,
      gateway: '10.77.1.1',
      disk_vda_bytes: String(256 * mebibyte),
      disk_vdb_bytes: String(64 * mebibyte),
    });
  });

  test('a killed QEMU comes back with the data that was written', async () => {
    await web().write('written before the crash');
    const { boot_id } = await web().info();
    const { metadata } = await site.get('machine/web', ...lab);
    process.kill(await site.qemuOf(metadata.uid), 'SIGKILL');
    const event = await site.event('web', 'GuestStopped', ...lab);
    expect(event).toMatchObject({ type: 'Warning', message: expect.stringContaining('found shut off') });
    await site.waitReady('machine/web', ...lab);
    expect((await web().info()).boot_id).not.toBe(boot_id);
    expect((await web().read()).trim()).toBe('written before the crash');
  });

  test('a CPU is added to the running guest', async () => {
    const { boot_id } = await web().info();
    await site.patch('machine/web', { spec: { cpus: 2 } }, ...lab);
    await site.until('the guest counts two CPUs', async () => (await web().info()).cpus === '2');
    expect((await web().info()).boot_id).toBe(boot_id);
    expect(await site.condition('machine/web', 'RestartRequired', ...lab)).toBeUndefined();
  });

  test('memory, and fewer CPUs, wait for a restart, which an annotation asks for', async () => {
    const { boot_id, memory_kib } = await web().info();
    const { metadata } = await site.get('machine/web', ...lab);
    const startsBefore = await site.starts(metadata.uid);
    const restartRequired = async (fields: string) =>
      site.until(`RestartRequired names ${fields}`, async () =>
        (await site.condition('machine/web', 'RestartRequired', ...lab))?.message.startsWith(
          `${fields} take`,
        ),
      );
    await site.patch('machine/web', { spec: { cpus: 1 } }, ...lab);
    await restartRequired('spec.cpus');
    await site.patch('machine/web', { spec: { memory: '192Mi' } }, ...lab);
    await restartRequired('spec.cpus, spec.memory');
    expect(await web().info()).toMatchObject({ boot_id, cpus: '2' });

    await site.kubectl('annotate', 'machine/web', 'purlin.dev/restart=for-memory', ...lab);
    await site.until('the guest has more memory', async () => {
      const { boot_id: now, memory_kib: kib, cpus } = await web().info();
      return now !== boot_id && cpus === '1' && Number(kib) > Number(memory_kib) + 50 * 1024;
    });
    await site.waitReady('machine/web', ...lab);
    expect(await site.condition('machine/web', 'RestartRequired', ...lab)).toBeUndefined();
    expect(await site.starts(metadata.uid)).toBe(startsBefore + 1);
    expect((await site.events('web', ...lab)).map(({ reason }) => reason)).not.toContain('PoweringOff');
  });

  test('a disk grows under the running guest', async () => {
    const { boot_id } = await web().info();
    await site.patch('disk/web-data', { spec: { size: '96Mi' } }, ...lab);
    await site.until('the guest sees the new size', async () => {
      return (await web().info()).disk_vdb_bytes === String(96 * mebibyte);
    });
    expect((await web().info()).boot_id).toBe(boot_id);
    await site.waitReady('disk/web-data', ...lab);
  });

  test('a second Machine gets an address, and its user data from a Secret', async () => {
    await site.apply(secondMachine);
    await site.waitReady('machine/api', ...lab);
    const { status } = await site.get('machine/api', ...lab);
    expect(status?.addresses).toMatchObject([{ interface: 'eth0', address: '10.77.1.2' }]);
    expect(await site.guest('10.77.1.2').page()).toBe('from a Secret');
  });

  test('Halted shuts the guest down, Always starts it again at the same address', async () => {
    const api = site.guest('10.77.1.2');
    const { boot_id } = await api.info();
    await site.patch('machine/api', { spec: { runStrategy: 'Halted' } }, ...lab);
    await site.kubectl(
      'wait',
      'machine/api',
      '--for=jsonpath={.status.phase}=Stopped',
      '--timeout=90s',
      ...lab,
    );
    expect(await site.condition('machine/api', 'Ready', ...lab)).toMatchObject({
      status: 'False',
      reason: 'Stopped',
    });
    const { metadata } = await site.get('machine/api', ...lab);
    expect(await site.processes('qemu-system', metadata.uid)).toEqual([]);
    expect((await site.events('api', ...lab)).map(({ reason }) => reason)).not.toContain('PoweringOff');

    await site.patch('machine/api', { spec: { runStrategy: 'Always' } }, ...lab);
    await site.waitReady('machine/api', ...lab);
    expect((await api.info()).boot_id).not.toBe(boot_id);
    expect((await site.get('machine/api', ...lab)).status?.addresses?.[0]?.address).toBe('10.77.1.2');
  });

  test('a Disk in use waits with its deletion, and says for whom', async () => {
    await site.kubectl('delete', 'disk/extra', '--wait=false', ...lab);
    await site.until('the Disk says who uses it', async () => {
      const ready = await site.condition('disk/extra', 'Ready', ...lab);
      return ready?.reason === 'InUse' && ready.message.includes('Machine api');
    });
    expect((await site.get('disk/extra', ...lab)).metadata.deletionTimestamp).toBeDefined();
    expect(await site.guest('10.77.1.2').info()).toMatchObject({ disk_vdb_bytes: String(32 * mebibyte) });
  });

  test('foreground deletion of a Machine takes its template Disk and its address, and lets the Disk go', async () => {
    const { metadata } = await site.get('machine/api', ...lab);
    await site.kubectl('delete', 'machine/api', '--cascade=foreground', '--timeout=120s', ...lab);
    expect(await site.exists('disk/api-root', ...lab)).toBe(false);
    await site.until('the Disk is gone', async () => !(await site.exists('disk/extra', ...lab)));
    expect(await site.kubectl('get', 'ipaddresses', '-o', 'name', ...lab)).not.toContain('10.77.1.2');
    expect(await site.processes('qemu-system', metadata.uid)).toEqual([]);
    expect(await web().page()).toContain('I am web');
  });

  test('deletion of the namespace leaves nothing on the host', async () => {
    await site.kubectl('delete', 'namespace/lab', '--timeout=180s');
    expect(await inventory(site, books)).toEqual(before);
  });
});
