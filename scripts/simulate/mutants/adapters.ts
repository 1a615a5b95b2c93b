/** Defects of what simulated worlds have no part in: libvirt, Redis, files. The contract suites must catch them. */
import type { Mutant } from './mutant.ts';

export const ofAdapters: readonly Mutant[] = [
  {
    name: 'a domain without our tag is taken for ours',
    file: 'src/host/libvirt/domain-reader.ts',
    from: 'if (metadata?.installationUid !== this.#installationUid)',
    to: 'if (metadata === undefined)',
    contract: 'test/contract/libvirt/hypervisor.test.ts',
  },
  {
    name: 'doorbells of one object are not joined',
    file: 'src/queue/orders.ts',
    from: 'deduplication: { id: uid, keepLastIfActive: true },',
    to: '',
    contract: 'test/contract/queue/order-book.test.ts',
  },
  {
    name: 'a doorbell that rings during the work is forgotten',
    file: 'src/queue/orders.ts',
    from: 'deduplication: { id: uid, keepLastIfActive: true },',
    to: 'deduplication: { id: uid },',
    contract: 'test/contract/queue/queue.test.ts',
  },
  {
    name: 'data without its marker is taken for a complete Disk',
    file: 'src/host/storage/disks.ts',
    from: 'if (marker && data?.isFile()) return true;',
    to: 'if (data?.isFile()) return true;',
    contract: 'test/contract/storage/disk-files.test.ts',
  },
  {
    name: 'a Disk appears under its name before it is flushed',
    file: 'src/host/storage/durable.ts',
    from: '  await sync(from);\n',
    to: '',
    contract: 'test/contract/durability/flushed.test.ts',
  },
  {
    name: 'a dnsmasq of somebody else is taken for ours',
    file: 'src/host/network/dnsmasq-processes.ts',
    from: 'if (dirname(dirname(configFile)) !== subnets) return undefined;',
    to: '',
    contract: 'test/contract/network/linux-host.test.ts',
  },
];
