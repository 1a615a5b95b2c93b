import type { Logger } from '../../telemetry/logger.ts';
import { tapName } from '../../values/links.ts';
import type { Network, NetworkSnapshot, PortSpec, Reservation, SegmentSpec } from '../ports/network.ts';
import { Locks } from '../storage/locks.ts';
import { Dnsmasq } from './dnsmasq.ts';
import { takeInventory } from './inventory.ts';
import { NetworkLayout } from './layout.ts';
import { deletePort, ensurePort, type PortLinks, taps } from './ports.ts';
import { Ruleset } from './ruleset.ts';
import { deleteSegment, ensureReservations, ensureSegment, type Parts } from './segments.ts';
import { Tools } from './tools.ts';
import { checkedInterfaceName, checkedPort, checkedSegment, checkedUid } from './validated.ts';
import { NetworkWatcher } from './watcher.ts';

interface LinuxNetworkOptions {
  /** Files are kept in `network/` below it. */
  dataDir: string;
  /** Name of the network namespace that is the host's; without it, the one that this process is in. */
  netns?: string;
  logger: Logger;
  /** How ports are made; taps unless a test says otherwise. */
  portLinks?: PortLinks;
}

/** The network of a Linux host: bridges and taps by `ip`, rules by `nft`, addresses and names by dnsmasq. */
export function createLinuxNetwork({
  dataDir,
  netns,
  logger,
  portLinks = taps,
}: LinuxNetworkOptions): Network {
  const tools = new Tools(netns);
  const layout = new NetworkLayout(dataDir);
  const dnsmasq = new Dnsmasq(tools, layout);
  const parts: Parts = { dataDir, tools, layout, dnsmasq, ruleset: new Ruleset(tools) };
  const watcher = new NetworkWatcher(tools, logger);
  const locks = new Locks();
  /** A change of ours is announced at its end too: a new dnsmasq shows in no notification of the kernel. */
  const change = <T>(key: string, work: () => Promise<T>): Promise<T> =>
    locks.exclusive(key, work).finally(() => watcher.hint());

  return {
    async list(): Promise<NetworkSnapshot> {
      const { snapshot, processes } = await takeInventory(parts);
      const directories = snapshot.segments.map(({ subnetUid }) => layout.subnet(subnetUid));
      watcher.attend(processes, [...directories, layout.ports]);
      return snapshot;
    },
    async ensureSegment(spec: SegmentSpec): Promise<void> {
      checkedSegment(spec);
      await change(spec.subnetUid, () => ensureSegment(parts, spec));
    },
    async ensureReservations(subnetUid: string, reservations: Reservation[]): Promise<void> {
      checkedUid('subnetUid', subnetUid);
      await change(subnetUid, () => ensureReservations(parts, subnetUid, reservations));
    },
    async deleteSegment(subnetUid: string): Promise<void> {
      checkedUid('subnetUid', subnetUid);
      await change(subnetUid, () => deleteSegment(parts, subnetUid));
    },
    async ensurePort(spec: PortSpec): Promise<string> {
      checkedPort(spec);
      const tap = tapName(spec.machineUid, spec.interfaceName);
      return change(tap, () => ensurePort(parts, portLinks, spec));
    },
    async deletePort(machineUid: string, interfaceName: string): Promise<void> {
      checkedUid('machineUid', machineUid);
      checkedInterfaceName('interfaceName', interfaceName);
      const tap = tapName(machineUid, interfaceName);
      await change(tap, () => deletePort(parts, machineUid, interfaceName));
    },
    watch: (onChange: () => void) => watcher.add(onChange),
    async close(): Promise<void> {
      watcher.stop();
    },
  };
}
