/** The complete listing: everything with a tag of ours, wherever it is left, and how it compares with its record. */
import { basename } from 'node:path';
import { bridgeName, segmentHash, tapName } from '../../values/links.ts';
import type { NetworkSnapshot, PortSnapshot, SegmentSnapshot } from '../ports/network.ts';
import type { DnsmasqProcess } from './dnsmasq-processes.ts';
import { names, readRecord } from './files.ts';
import { readForwarding } from './forwarding.ts';
import { portOfAlias, subnetOfAlias } from './link-commands.ts';
import { type Link, listHostCidrs, listLinks } from './links.ts';
import type { PortRecord } from './ports.ts';
import { portFingerprint, segmentFingerprint, type ListedTable } from './rules-listing.ts';
import type { Parts, SegmentRecord } from './segments.ts';

/** What a listing saw besides the snapshot: whose death is to be noticed. */
export interface Inventory {
  snapshot: NetworkSnapshot;
  processes: DnsmasqProcess[];
}

interface Seen {
  links: Map<string, Link>;
  inet: ListedTable;
  bridge: ListedTable;
  processes: DnsmasqProcess[];
  forwarding: SegmentSnapshot['forwarding'];
}

/** Lists everything at once; rejects rather than returning a part. */
export async function takeInventory(parts: Parts): Promise<Inventory> {
  const { tools, ruleset, dnsmasq, layout } = parts;
  const [links, inet, bridge, processes, forwarding, subnetNames, portNames] = await Promise.all([
    listLinks(tools),
    ruleset.list('inet'),
    ruleset.list('bridge'),
    dnsmasq.processes(),
    readForwarding(tools),
    names(layout.subnets),
    names(layout.ports),
  ]);
  const seen: Seen = { links, inet, bridge, processes, forwarding };
  const aliases = [...links.values()].map(({ alias }) => alias);
  const subnetUids = new Set([
    ...aliases.flatMap((alias) => subnetOfAlias(alias) ?? []),
    ...[...inet.comments].flatMap((comment) => subnetOfAlias(comment) ?? []),
    ...processes.map(({ subnetUid }) => subnetUid),
    ...subnetNames,
  ]);
  const segments = await Promise.all([...subnetUids].sort().map((uid) => segmentSnapshot(parts, seen, uid)));
  const ports = await listPorts(parts, seen, portNames);
  const our = new Set([
    ...segments.map(({ subnetUid }) => bridgeName(subnetUid)),
    ...ports.map(({ tap }) => tap),
  ]);
  return { snapshot: { segments, ports, hostCidrs: await listHostCidrs(tools, our) }, processes };
}

async function segmentSnapshot(
  { layout, dnsmasq }: Parts,
  { links, inet, processes, forwarding }: Seen,
  subnetUid: string,
): Promise<SegmentSnapshot> {
  const record = await readRecord<SegmentRecord>(layout.segmentRecord(subnetUid));
  const link = links.get(bridgeName(subnetUid));
  const bridge = link?.kind === 'bridge' && subnetOfAlias(link.alias) === subnetUid ? link : undefined;
  const running = record && bridge ? await dnsmasq.serving(record.spec, bridge.index, processes) : [];
  const rules = segmentFingerprint(inet, subnetUid);
  const reservations = await dnsmasq.reservationsHash(subnetUid);
  const [address, ...more] = bridge?.addresses ?? [];
  return {
    subnetUid,
    bridge: bridge ? (bridge.up ? 'up' : 'down') : 'absent',
    ...(address !== undefined && more.length === 0 && { gatewayCidr: address }),
    ...(bridge && { mtu: bridge.mtu }),
    dnsmasq: running.length === 1 ? 'running' : 'absent',
    rules: rules !== undefined && rules === record?.rules ? 'present' : 'absent',
    forwarding,
    ...(record && { specHash: segmentHash(record.spec) }),
    ...(reservations !== undefined && running.length === 1 && { reservationsHash: reservations }),
  };
}

/** Ports by their links; also those of which only the record or the rules are left, so that they can be deleted. */
async function listPorts(
  { layout }: Parts,
  { links, bridge }: Seen,
  recordNames: string[],
): Promise<PortSnapshot[]> {
  const records = new Map<string, PortRecord>();
  for (const tap of recordNames
    .filter((name) => name.endsWith('.json'))
    .map((name) => basename(name, '.json'))) {
    const record = await readRecord<PortRecord>(`${layout.ports}/${tap}.json`);
    if (record) records.set(tap, record);
  }
  const owners = new Map<string, { machineUid: string; interfaceName: string; subnetUid: string }>();
  for (const comment of bridge.comments) {
    // The comment of a port's rules has no Subnet: nft limits it to 128 bytes.
    const owner = portOfAlias(`${comment}:unknown`);
    if (owner) owners.set(tapName(owner.machineUid, owner.interfaceName), { ...owner, subnetUid: '' });
  }
  for (const [tap, { spec }] of records) owners.set(tap, spec);
  for (const { name, alias } of links.values()) {
    const owner = portOfAlias(alias);
    if (owner && tapName(owner.machineUid, owner.interfaceName) === name) owners.set(name, owner);
  }
  return [...owners]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([tap, { machineUid, interfaceName, subnetUid }]) => {
      const link = links.get(tap);
      const record = records.get(tap);
      const rules = portFingerprint(bridge, { machineUid, interfaceName });
      const inForce = rules !== undefined && rules === record?.rules;
      return {
        tap,
        machineUid,
        interfaceName,
        subnetUid,
        state: link?.up ? 'up' : 'down',
        carrier: link?.carrier ? 'present' : 'absent',
        attached: link?.master === bridgeName(subnetUid),
        rules: inForce ? 'present' : 'absent',
        ...(record && { macAddress: record.spec.macAddress, address: record.spec.address }),
      };
    });
}
