import type { SegmentSpec } from '../../host/ports/network.ts';
import { reservationsHash, segmentHash } from '../../host/ports/network.ts';
import type { SegmentSnapshot } from '../../plan/snapshot.ts';
import { type Executors, inUse } from '../executor.ts';

export const subnetExecutors: Executors<'subnet.realise' | 'subnet.delete'> = {
  /** A segment that is whole but for its reservations keeps its dnsmasq, and with it everybody's leases. */
  'subnet.realise': async (wanted, { network }, { uid }) => {
    const spec: SegmentSpec = { subnetUid: uid, ...wanted };
    const { segments } = await network.list();
    const seen = segments.find(({ subnetUid }) => subnetUid === uid);
    if (!seen || !isWhole(seen, spec)) return network.ensureSegment(spec);
    if (seen.reservationsHash === reservationsHash(spec.reservations)) return undefined;
    return network.ensureReservations(uid, spec.reservations);
  },

  'subnet.delete': async (_wanted, { network }, { uid }) => {
    const { ports } = await network.list();
    const users = ports.filter(({ subnetUid }) => subnetUid === uid);
    if (users.length > 0) {
      throw inUse(
        `Subnet ${uid}`,
        users.map(({ tap, machineUid }) => `${tap} of Machine ${machineUid}`),
      );
    }
    await network.deleteSegment(uid);
  },
};

/** The bridge's address carries the prefix length of the CIDR. */
const gatewayCidr = ({ gateway, cidr }: SegmentSpec): string => `${gateway}/${cidr.split('/')[1]}`;

const isWhole = (seen: SegmentSnapshot, wanted: SegmentSpec): boolean =>
  seen.bridge === 'up' &&
  seen.dnsmasq === 'running' &&
  seen.rules === 'present' &&
  (seen.forwarding === 'on' || wanted.egress === 'None') &&
  seen.gatewayCidr === gatewayCidr(wanted) &&
  seen.mtu === wanted.mtu &&
  seen.specHash === segmentHash(wanted);
