import type { DomainConfig } from '../../../src/host/libvirt/domain-spec.ts';
import type { SimulatedHost } from '../../../src/simulation/host.ts';
import type { Hardware, HostPicture } from '../oracle/picture.ts';

/** What a simulated host has, read from what is in its memory. */
export async function pictureOf({
  facts,
  hypervisor,
  network,
  storage,
}: SimulatedHost): Promise<HostPicture> {
  const { domains } = await hypervisor.listDomains();
  const { disks, images } = await storage.list();
  const { ports } = await network.list();
  return {
    facts: { ...facts, largestFileBytes: Number.POSITIVE_INFINITY },
    domains: domains.map(({ uuid, power, config, live }) => ({
      machineUid: uuid,
      power,
      ...(config && { config: hardwareOf(config) }),
      ...(live && { live: hardwareOf(live) }),
    })),
    disks: disks.map(({ diskUid, sizeBytes, format, imageDigest, retained }) => ({
      diskUid,
      sizeBytes,
      format,
      ...(imageDigest !== undefined && { backing: imageDigest }),
      retained,
    })),
    segments: network.segmentsServing.map(
      ({ subnetUid, gateway, cidr, mtu, egress, dnsServers, reservations }) => ({
        subnetUid,
        gatewayCidr: `${gateway}/${cidr.split('/')[1]}`,
        mtu,
        masquerades: egress === 'NAT',
        leaves: egress !== 'None',
        resolvers: dnsServers,
        reservations,
      }),
    ),
    ports: ports.map(({ tap, state, attached, subnetUid, macAddress, address }) => ({
      tap,
      up: state === 'up',
      ...(attached && { subnetUid }),
      ...(macAddress !== undefined && address !== undefined && { allowed: { macAddress, address } }),
    })),
    seeds: storage.seeds.map(({ machineUid, metaData, userData }) => ({ machineUid, metaData, userData })),
    images: images.flatMap(({ imageUid, state, format, virtualSizeBytes }) =>
      state === 'complete' && virtualSizeBytes !== undefined ? [{ imageUid, format, virtualSizeBytes }] : [],
    ),
  };
}

function hardwareOf({ cpus, memoryBytes, firmware, disks, interfaces }: DomainConfig): Hardware {
  const uidOf = (path: string): string => path.split('/').at(-2) ?? '';
  return {
    cpus,
    memoryBytes,
    firmware,
    disks: disks
      .filter(({ serial }) => serial !== 'cidata')
      .sort((a, b) => (a.target < b.target ? -1 : 1))
      .map(({ path, format }) => ({ diskUid: uidOf(path), format })),
    hasSeed: disks.some(({ serial }) => serial === 'cidata'),
    interfaces: interfaces.map(({ tap, macAddress, mtu }) => ({ tap, macAddress, mtu })),
  };
}
