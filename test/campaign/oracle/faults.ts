import type { Resource } from '../../../src/resources/metadata.ts';
import { tapName } from '../../../src/values/links.ts';
import type { Sight } from '../ground.ts';
import { type Cluster, conditionOf, type Kind, type Kinds, nameOf } from './cluster.ts';
import { diskFaults } from './disk.ts';
import { imageFaults } from './image.ts';
import { machineFaults } from './machine.ts';
import { subnetFaults } from './subnet.ts';

/** Total over the kinds: one that nobody judges does not compile, and one that is not known fails. */
const oracles: { [Name in Kind]: (object: Kinds[Name], sight: Sight) => string[] } = {
  Image: imageFaults,
  Subnet: subnetFaults,
  Disk: diskFaults,
  Machine: machineFaults,
  Host: hostFaults,
  // Judged with the Machines that they belong to.
  IPAddress: () => [],
  Placement: () => [],
  Secret: () => [],
};

/** Everything in which a world at rest is not what its specs say, or does not say what it is; one line each. */
export function faultsOf(sight: Sight): string[] {
  const { objects } = sight.cluster;
  const faults = objects.flatMap((object) =>
    [
      ...oracleOf(object)(object, sight),
      ...(object.metadata.deletionTimestamp ? deletionFaults(object) : []),
    ].map((fault) => `${nameOf(object)}: ${fault}`),
  );
  return [...faults, ...leftovers(sight)];
}

function oracleOf({ kind }: Resource): (object: Resource, sight: Sight) => string[] {
  if (!Object.hasOwn(oracles, kind)) throw new Error(`the campaign has no oracle for kind ${kind}`);
  return oracles[kind as Kind] as (object: Resource, sight: Sight) => string[];
}

/** What still goes at rest has to be waited for by somebody, and says for whom. */
const deletionFaults = (object: Resource): string[] =>
  conditionOf(object)?.reason === 'InUse' ? [] : ['it is being deleted for ever'];

function hostFaults(host: Resource, { cluster, boundElsewhere }: Sight): string[] {
  const { machines } = (host.status ?? {}) as { machines?: number };
  const placed = cluster.all('Placement').length + boundElsewhere.length;
  return machines === placed ? [] : [`status.machines is ${machines}, but ${placed} Machines are bound`];
}

/** Things of ours on the host without an object that they belong to. */
function leftovers({ cluster, picture }: Sight): string[] {
  const lost = (what: string, uid: string): string[] =>
    cluster.byUid(uid) ? [] : [`the host has ${what} ${uid}, which belongs to nobody`];
  const taps = new Set([
    ...tapsOf(cluster),
    // A guest keeps what it has as long as its new spec cannot be carried out.
    ...picture.domains.flatMap(({ live }) => (live?.interfaces ?? []).map(({ tap }) => tap)),
  ]);
  return [
    ...picture.domains.flatMap(({ machineUid }) => lost('the domain', machineUid)),
    ...picture.disks.flatMap(({ diskUid, retained }) => (retained ? [] : lost('the disk', diskUid))),
    ...picture.segments.flatMap(({ subnetUid }) => lost('the segment', subnetUid)),
    ...picture.seeds.flatMap(({ machineUid }) => lost('the seed', machineUid)),
    ...picture.images.flatMap(({ imageUid }) => lost('the image', imageUid)),
    ...picture.ports.flatMap(({ tap }) =>
      taps.has(tap) ? [] : [`the host has the tap ${tap}, which belongs to no interface`],
    ),
  ];
}

const tapsOf = (cluster: Cluster): string[] =>
  cluster
    .all('Machine')
    .flatMap(({ spec, metadata }) => (spec.interfaces ?? []).map(({ name }) => tapName(metadata.uid, name)));
