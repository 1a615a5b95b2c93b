import { bridgeName, tapName } from '../../../src/values/links.ts';
import type { Resource } from '../../../src/resources/metadata.ts';
import { Cluster } from '../oracle/cluster.ts';
import type { HostPicture } from '../oracle/picture.ts';
import { listDomains, readDomain } from './domains.ts';
import { readDisks, readImages, readSeed, seedUids } from './files.ts';
import { readNetwork } from './networks.ts';
import type { RealSite } from './site.ts';

/**
 * What the host has of one namespace, and whatever belongs to no namespace at all. `elsewhere` gives the objects of all
 * others; these may come and go while the host is looked at.
 */
export async function pictureOf(
  site: RealSite,
  mine: Cluster,
  elsewhere: () => readonly Resource[],
): Promise<HostPicture> {
  const before = elsewhere();
  const uids = new Set(mine.objects.map(({ metadata }) => metadata.uid));
  const subnetUids = mine.all('Subnet').map(({ metadata }) => metadata.uid);
  const powers = await listDomains(site);
  const network = await readNetwork(site, subnetUids);
  const { disks, others: otherDisks } = await readDisks(site.dataDir, uids);
  const machines = mine.all('Machine').map(({ metadata }) => metadata.uid);
  const seeds = await Promise.all(machines.map((uid) => readSeed(site.dataDir, uid)));
  const domains = await Promise.all(
    [...powers].filter(([uid]) => uids.has(uid)).map(([uid, power]) => readDomain(site, uid, power)),
  );
  const seedsPresent = await seedUids(site.dataDir);
  const { images, others: otherImages } = await readImages(site.dataDir, uids);
  const others = new Cluster([...before, ...elsewhere()]);
  const foreign = new Set(others.objects.map(({ metadata }) => metadata.uid));
  const nobodys = (all: Iterable<string>): string[] =>
    [...all].filter((uid) => !uids.has(uid) && !foreign.has(uid));
  const foreignLinks = linksOf(others);
  return {
    facts: site.facts,
    domains: [
      ...domains,
      ...nobodys(powers.keys()).map((machineUid) => ({ machineUid, power: 'shutoff' as const })),
    ],
    disks: [
      ...disks,
      ...nobodys(otherDisks).map((diskUid) => ({ diskUid, sizeBytes: 0, format: '', retained: false })),
    ],
    segments: network.segments,
    ports: network.ports.filter(({ tap }) => !foreignLinks.has(tap)),
    seeds: [
      ...seeds.filter((seed) => seed !== undefined),
      ...nobodys(seedsPresent).map((machineUid) => ({
        machineUid,
        metaData: '',
        userData: '',
      })),
    ],
    images: [
      ...images,
      ...nobodys(otherImages).map((imageUid) => ({ imageUid, format: '', virtualSizeBytes: 0 })),
    ],
  };
}

/** Names of bridges and taps that belong to the objects. */
const linksOf = (cluster: Cluster): ReadonlySet<string> =>
  new Set([
    ...cluster.all('Subnet').map(({ metadata }) => bridgeName(metadata.uid)),
    ...cluster
      .all('IPAddress')
      .map(({ spec: { machineRef, interface: name } }) => tapName(machineRef.uid, name)),
  ]);
