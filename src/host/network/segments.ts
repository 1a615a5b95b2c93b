import { bridgeName } from '../../values/links.ts';
import type { Reservation, SegmentSpec } from '../ports/network.ts';
import type { Dnsmasq } from './dnsmasq.ts';
import { NetworkError } from './errors.ts';
import { makeReadable, readRecord, removeFile, removeTree, replaceFile } from './files.ts';
import { ensureForwarding } from './forwarding.ts';
import type { NetworkLayout } from './layout.ts';
import {
  addBridge,
  changeMtu,
  configureBridge,
  deleteLink,
  gatewayCidr,
  subnetAlias,
} from './link-commands.ts';
import { type Link, listLinks } from './links.ts';
import { segmentRemoval, segmentRules } from './rules.ts';
import { segmentFingerprint } from './rules-listing.ts';
import type { Ruleset } from './ruleset.ts';
import type { Tools } from './tools.ts';
import { checkedReservations } from './validated.ts';

/** What was realised last; absent while a change is under way. */
export interface SegmentRecord {
  spec: Omit<SegmentSpec, 'reservations'>;
  /** Of the Subnet's rules as the kernel listed them right after they were made. */
  rules: string;
}

export interface Parts {
  dataDir: string;
  tools: Tools;
  layout: NetworkLayout;
  ruleset: Ruleset;
  dnsmasq: Dnsmasq;
}

/** Makes the Subnet as the spec says: rules, then bridge, then dnsmasq. Arguments are checked values. */
export async function ensureSegment(parts: Parts, { reservations, ...spec }: SegmentSpec): Promise<void> {
  const { tools, layout, ruleset, dnsmasq } = parts;
  const { subnetUid } = spec;
  await makeReadable(parts.dataDir, [layout.root, layout.subnets, layout.subnet(subnetUid)]);
  await removeFile(layout.segmentRecord(subnetUid));
  const listed = await ruleset.apply('inet', segmentRules({ reservations, ...spec }));
  const link = await ensureBridge(tools, { reservations, ...spec });
  if (spec.egress !== 'None') await ensureForwarding(tools);
  await dnsmasq.ensure(spec, link.index, reservations);
  const record = { spec, rules: segmentFingerprint(listed, subnetUid) };
  await replaceFile(layout.segmentRecord(subnetUid), JSON.stringify(record));
}

async function ensureBridge(tools: Tools, spec: SegmentSpec): Promise<Link> {
  const name = bridgeName(spec.subnetUid);
  const links = await listLinks(tools);
  const present = ours(links, name, 'bridge', subnetAlias(spec.subnetUid));
  const ports = [...links.values()].filter(({ master, mtu }) => master === name && mtu !== spec.mtu);
  const strangers = (present?.addresses ?? []).filter((address) => address !== gatewayCidr(spec));
  await tools.ipBatch([
    ...(present ? [] : addBridge(spec.subnetUid)),
    ...configureBridge(spec, strangers, present),
    ...ports.flatMap((port) => changeMtu(port.name, spec.mtu, port)),
  ]);
  const made = present ?? (await listLinks(tools)).get(name);
  if (!made) throw new NetworkError('BridgeVanished', `the bridge ${name} vanished right after it was made`);
  return made;
}

/**
 * The link of a name of ours. One without an alias was left between its creation and its tagging.
 * @throws NetworkError `LinkNameTaken` when somebody else has it.
 */
export function ours(
  links: ReadonlyMap<string, Link>,
  name: string,
  kind: string,
  alias: string,
): Link | undefined {
  const link = links.get(name);
  if (!link) return undefined;
  if (link.kind !== kind || (link.alias !== undefined && link.alias !== alias))
    throw new NetworkError(
      'LinkNameTaken',
      `the link ${name} exists and is not Purlin's; remove or rename it`,
    );
  return link;
}

/** @throws NetworkError `SegmentAbsent` when the Subnet is not realised here. */
export async function ensureReservations(
  { layout, tools, dnsmasq }: Parts,
  subnetUid: string,
  reservations: Reservation[],
): Promise<void> {
  const record = await readRecord<SegmentRecord>(layout.segmentRecord(subnetUid));
  const link = (await listLinks(tools)).get(bridgeName(subnetUid));
  if (!record || !link)
    throw new NetworkError('SegmentAbsent', `Subnet ${subnetUid} is not realised on this host`);
  await dnsmasq.reserve(record.spec, link.index, checkedReservations(reservations, record.spec));
}

/** Removes every part of the Subnet; what is absent already does not matter. */
export async function deleteSegment({ tools, layout, ruleset, dnsmasq }: Parts, subnetUid: string) {
  await removeFile(layout.segmentRecord(subnetUid));
  await dnsmasq.stop(subnetUid);
  const name = bridgeName(subnetUid);
  const link = ours(await listLinks(tools), name, 'bridge', subnetAlias(subnetUid));
  if (link) await tools.ipBatch(deleteLink(name));
  await ruleset.remove('inet', segmentRemoval(subnetUid));
  await removeTree(layout.subnet(subnetUid));
}
