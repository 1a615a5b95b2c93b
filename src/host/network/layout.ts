import { join } from 'node:path';
import { tapName } from '../../values/links.ts';
import type { DnsmasqPaths } from './dnsmasq-files.ts';

/** Paths of the network below the data directory, from UIDs and hashes only. */
export class NetworkLayout {
  readonly root: string;

  constructor(dataDir: string) {
    this.root = join(dataDir, 'network');
  }

  get subnets(): string {
    return join(this.root, 'subnets');
  }

  get ports(): string {
    return join(this.root, 'ports');
  }

  subnet(subnetUid: string): string {
    return join(this.subnets, subnetUid);
  }

  dnsmasq(subnetUid: string): DnsmasqPaths & { loaded: string } {
    const at = (name: string) => join(this.subnet(subnetUid), name);
    return {
      reservations: at('reservations'),
      names: at('names'),
      leases: at('leases'),
      loaded: at('loaded'),
    };
  }

  /** Named by content, so that the arguments of a running dnsmasq tell exactly what it was configured with. */
  dnsmasqConfig(subnetUid: string, hash: string): string {
    return join(this.subnet(subnetUid), `dnsmasq-${hash}.conf`);
  }

  segmentRecord(subnetUid: string): string {
    return join(this.subnet(subnetUid), 'segment.json');
  }

  portRecord(machineUid: string, interfaceName: string): string {
    return join(this.ports, `${tapName(machineUid, interfaceName)}.json`);
  }
}
