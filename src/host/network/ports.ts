import { tapName, bridgeName } from '../../values/links.ts';
import type { PortSpec } from '../ports/network.ts';
import { NetworkError } from './errors.ts';
import { makeReadable, removeFile, replaceFile } from './files.ts';
import { addTap, configurePort, deleteLink, portAlias, portOfAlias, raisePort } from './link-commands.ts';
import { listLinks } from './links.ts';
import { portRemoval, portRules } from './rules.ts';
import { portFingerprint } from './rules-listing.ts';
import { ours, type Parts } from './segments.ts';

/** What was realised last; absent while a change is under way. */
export interface PortRecord {
  spec: PortSpec;
  /** Of the port's rules as the kernel listed them right after they were made. */
  rules: string;
}

/** How a port's link is made. Guests have taps; a test may put one end of a veth pair in their place. */
export interface PortLinks {
  kind: string;
  add: (name: string) => string[];
}

export const taps: PortLinks = { kind: 'tun', add: addTap };

/** Makes the port: rules, then the link (down), then its attachment, then up. Arguments are checked values. */
export async function ensurePort(parts: Parts, links: PortLinks, spec: PortSpec): Promise<string> {
  const { tools, layout, ruleset } = parts;
  const { machineUid, interfaceName, subnetUid } = spec;
  const tap = tapName(machineUid, interfaceName);
  await makeReadable(parts.dataDir, [layout.root, layout.ports]);
  const record = layout.portRecord(machineUid, interfaceName);
  await removeFile(record);
  const listed = await ruleset.apply('bridge', portRules(spec));
  const all = await listLinks(tools);
  if (!all.has(bridgeName(subnetUid)))
    throw new NetworkError('SegmentAbsent', `Subnet ${subnetUid} is not realised on this host`);
  // A port that moves to another Subnet keeps its name; only its alias changes.
  const alias = portOfAlias(all.get(tap)?.alias) ? (all.get(tap)?.alias ?? '') : portAlias(spec);
  const present = ours(all, tap, links.kind, alias);
  await tools.ipBatch([
    ...(present ? [] : links.add(tap)),
    ...configurePort(spec, present),
    ...raisePort(tap),
  ]);
  await replaceFile(record, JSON.stringify({ spec, rules: portFingerprint(listed, spec) }));
  return tap;
}

/** Removes the link, then its rules; what is absent already does not matter. */
export async function deletePort(
  { tools, layout, ruleset }: Parts,
  machineUid: string,
  interfaceName: string,
): Promise<void> {
  const tap = tapName(machineUid, interfaceName);
  const link = (await listLinks(tools)).get(tap);
  if (link && link.alias !== undefined && !portOfAlias(link.alias))
    throw new NetworkError(
      'LinkNameTaken',
      `the link ${tap} exists and is not Purlin's; remove or rename it`,
    );
  if (link) await tools.ipBatch(deleteLink(tap));
  await ruleset.remove('bridge', portRemoval({ machineUid, interfaceName }));
  await removeFile(layout.portRecord(machineUid, interfaceName));
}
