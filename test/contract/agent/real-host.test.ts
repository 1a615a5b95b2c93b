import { once } from 'node:events';
import { chmod, chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, jest } from '@jest/globals';
import { execa } from 'execa';
import { pino } from 'pino';
import type { AgentPorts } from '../../../src/agent/ports.ts';
import { LibvirtConnection } from '../../../src/host/libvirt/connection.ts';
import { LibvirtHypervisor } from '../../../src/host/libvirt/libvirt-hypervisor.ts';
import { PrivateLibvirt } from '../../../src/host/libvirt/private-libvirt.ts';
import { createLinuxNetwork } from '../../../src/host/network/index.ts';
import { createFileStorage } from '../../../src/host/storage/index.ts';
import { type TestSite, testSite } from '../../support/netns.ts';
import { describeExecutors, imageContent, Installation, installationUid } from './executor-contract.ts';

jest.setTimeout(60_000);

/** libvirt, QEMU, bridges, dnsmasq, nft and files, in a network namespace and a directory of this test's own. */
let site: TestSite;
let libvirt: PrivateLibvirt;
let connection: LibvirtConnection;
let ports: AgentPorts;
let imageFile: string;

beforeAll(async () => {
  site = await testSite('ag');
  const { dataDir, netns } = site;
  await chmod(dataDir, 0o711); // QEMU's own user passes through to its files
  const imports = join(dataDir, 'imports');
  await mkdir(imports);
  imageFile = join(imports, 'a.raw');
  await writeFile(imageFile, imageContent);
  libvirt = new PrivateLibvirt({ root: join(dataDir, 'libvirt'), networkNamespace: netns, kvm: 'hidden' });
  await libvirt.ensureRunning();
  connection = new LibvirtConnection({ socketPath: libvirt.socketPath });
  connection.start();
  await once(connection, 'connected');
  const logger = pino({ level: 'silent' });
  const gibibyte = 2 ** 30;
  ports = {
    hypervisor: new LibvirtHypervisor(connection, installationUid, {
      guestLogDirectory: libvirt.guestLogDirectory,
    }),
    network: createLinuxNetwork({ dataDir, netns, logger }),
    storage: createFileStorage({
      dataDir,
      importDirs: [imports],
      limits: {
        maxVirtualSizeBytes: gibibyte,
        maxDownloadBytes: gibibyte,
        maxDecompressedBytes: gibibyte,
      },
      allowPrivateAddresses: false,
      logger,
    }),
  };
}, 60_000);

afterAll(async () => {
  await ports.network.close();
  await ports.storage.close();
  await connection.close();
  await libvirt.stop();
  await site[Symbol.asyncDispose]();
}, 60_000);

const virsh = (...args: string[]) =>
  execa('/usr/bin/virsh', ['-q', '-c', `qemu+unix:///system?socket=${libvirt.socketPath}`, ...args]);

describe('on a real host', () =>
  describeExecutors(() => new Installation(ports, imageFile), {
    snapshot: async ({ uids: { machine, rootDisk } }, target) => {
      const base = ports.storage.diskPath(rootDisk);
      const overlay = join(site.dataDir, `backup-${rootDisk}`);
      await execa('/usr/bin/qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', base, overlay]);
      const { uid, gid } = await libvirt.qemuIdentity();
      await chown(overlay, uid, gid);
      const specs = [`${target},snapshot=external,file=${overlay}`, 'vdz,snapshot=no'];
      await virsh(
        'snapshot-create-as',
        machine,
        'backup',
        '--disk-only',
        '--reuse-external',
        '--no-metadata',
        ...specs.flatMap((each) => ['--diskspec', each]),
      );
    },
    commit: async ({ uids: { machine } }, target) =>
      void (await virsh('blockcommit', machine, target, '--active', '--pivot')),
    save: async ({ uids: { machine } }) => void (await virsh('managedsave', machine)),
    discardSaved: async ({ uids: { machine } }) => void (await virsh('managedsave-remove', machine)),
    loseTap: async (_installation, tap) => {
      await execa('ip', ['-n', site.netns, 'link', 'delete', tap]);
    },
    guestsLetGo: false,
  }));
