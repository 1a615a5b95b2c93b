/** Defects of what simulated worlds have no part in: libvirt, Redis, files. The contract suites must catch them. */
import type { Mutant } from './mutant.ts';

export const ofAdapters: readonly Mutant[] = [
  {
    name: 'a domain without our tag is taken for ours',
    file: 'src/host/libvirt/domain-reader.ts',
    from: 'if (metadata?.installationUid !== this.#installationUid)',
    to: 'if (metadata === undefined)',
    contract: {
      suite: 'test/contract/libvirt/hypervisor.test.ts',
      test: 'what is not ours is counted and left alone',
    },
  },
  {
    name: 'doorbells of one object are not joined',
    file: 'src/queue/orders.ts',
    from: 'deduplication: { id: uid, keepLastIfActive: true },',
    to: '',
    contract: {
      suite: 'test/contract/queue/order-book.test.ts',
      test: 'however often somebody rings for an object, one doorbell waits',
    },
  },
  {
    name: 'a doorbell that rings during the work is forgotten',
    file: 'src/queue/orders.ts',
    from: 'deduplication: { id: uid, keepLastIfActive: true },',
    to: 'deduplication: { id: uid },',
    contract: {
      suite: 'test/contract/queue/queue.test.ts',
      test: 'a newer order is dealt with after it was written, also when the one before is still in work',
    },
  },
  {
    name: 'data without its marker is taken for a complete Disk',
    file: 'src/host/storage/disks.ts',
    from: 'if (marker && data?.isFile()) return true;',
    to: 'if (data?.isFile()) return true;',
    contract: {
      suite: 'test/contract/storage/disk-files.test.ts',
      test: 'data without its marker is refused and never removed',
    },
  },
  {
    name: 'a Disk appears under its name before it is flushed',
    file: 'src/host/storage/durable.ts',
    from: '  await sync(from);\n',
    to: '',
    contract: {
      suite: 'test/contract/durability/flushed.test.ts',
      test: 'appears under its name when all of it is on the disk, and that it does is, too',
    },
  },
  {
    name: 'a dnsmasq of somebody else is taken for ours',
    file: 'src/host/network/dnsmasq-processes.ts',
    from: 'if (dirname(dirname(configFile)) !== subnets) return undefined;',
    to: '',
    contract: {
      suite: 'test/contract/network/linux-host.test.ts',
      test: 'the dnsmasq of another host on this machine is left alone, also for the same Subnet',
    },
  },
];
