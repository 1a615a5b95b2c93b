import type { DomainConfig } from '../host/libvirt/domain-spec.ts';
import { tapName } from '../values/links.ts';
import type { ApiStore } from './api-store.ts';
import type { FaultKind } from './fault-kinds.ts';
import type { SimulatedHost } from './host.ts';
import type { Random } from './random.ts';

/** What somebody at a host goes by. */
interface Hands {
  random: Random;
  store: ApiStore;
  /** Does something between so many milliseconds from now. */
  later: (what: string, earliestMs: number, latestMs: number, happen: () => void) => void;
}

/** @returns to what it was done, or nothing when there was nothing to do it to */
export type HandDeed = (host: SimulatedHost, hands: Hands) => string | undefined;

const toSome = <Item>(
  items: readonly Item[],
  { random }: Hands,
  deed: (item: Item) => string,
): string | undefined => (items.length === 0 ? undefined : deed(random.pick(items)));

const toAGuest =
  (deed: (host: SimulatedHost, guest: DomainConfig & { uuid: string }, hands: Hands) => void): HandDeed =>
  (host, hands) =>
    toSome(host.hypervisor.guests, hands, (guest) => {
      deed(host, guest, hands);
      return guest.uuid;
    });

const toADisk =
  (deed: (host: SimulatedHost, diskUid: string) => void): HandDeed =>
  (host, hands) =>
    toSome(host.storage.diskUids, hands, (uid) => {
      deed(host, uid);
      return uid;
    });

/** What somebody can do to a network. */
type SegmentDeed =
  | 'loseBridge'
  | 'lowerBridge'
  | 'loseGateway'
  | 'changeMtu'
  | 'killDnsmasq'
  | 'loseReservations';

const toASegment =
  (deed: SegmentDeed): HandDeed =>
  ({ network }, hands) => {
    const subnets = hands.store.all('subnets').map(({ metadata }) => metadata.uid);
    return toSome(
      subnets.filter((uid) => network.has(uid)),
      hands,
      (uid) => {
        network[deed](uid);
        return uid;
      },
    );
  };

/** Whoever saved it gives that up some time later, unless the guest runs again by then. */
const saveGuest = toAGuest(({ hypervisor }, { uuid }, { later }) => {
  hypervisor.byHand.save(uuid);
  later(`what was saved of ${uuid} is removed`, 10_000, 40_000, () => hypervisor.byHand.discardSaved(uuid));
});

/** As a snapshot for a backup does, which is merged again some time later. */
const redirectDisk: HandDeed = ({ hypervisor }, hands) => {
  const disks = hypervisor.guests.flatMap((guest) =>
    guest.disks.map((disk) => ({ ...disk, uuid: guest.uuid })),
  );
  const writable = disks.filter(({ readOnly, otherFiles }) => !readOnly && !otherFiles);
  return toSome(writable, hands, ({ uuid, target, path }) => {
    const snapshot = `${path}.snapshot`;
    hypervisor.byHand.redirectDisk(uuid, target, snapshot);
    hands.later(`${target} of ${uuid} is merged again`, 5_000, 40_000, () => {
      const present = hypervisor.byHand.targetOf(uuid, snapshot);
      if (present !== undefined) hypervisor.byHand.redirectDisk(uuid, present, path);
    });
    return `${target} of ${uuid}`;
  });
};

/** One thing that somebody changes in an editor. */
const edits: readonly ((config: DomainConfig) => void)[] = [
  (config) => {
    config.cpus = config.maxCpus;
  },
  (config) => {
    config.cpus = 1;
  },
  (config) => {
    config.maxMemoryBytes *= 2;
    config.memoryBytes = config.maxMemoryBytes;
  },
  (config) => {
    config.disks = config.disks.filter(({ readOnly }) => readOnly);
  },
  (config) => {
    config.interfaces = [];
  },
];

const editDefinition: HandDeed = ({ hypervisor }, hands) =>
  toSome(hypervisor.defined, hands, (uuid) => {
    hypervisor.byHand.editDefinition(uuid, hands.random.pick(edits));
    return uuid;
  });

const editGuest = toAGuest(({ hypervisor }, { uuid, disks, maxCpus }, { random }) => {
  const disk = disks.find(({ readOnly }) => !readOnly);
  if (disk && random.chance(0.5)) hypervisor.byHand.unplug(uuid, disk.target);
  else hypervisor.byHand.setVcpus(uuid, 1 + random.below(maxCpus));
});

const setLinkDown: HandDeed = ({ hypervisor }, hands) => {
  const cards = hypervisor.guests.flatMap(({ uuid, interfaces }) =>
    interfaces.map(({ macAddress }) => ({ uuid, macAddress })),
  );
  return toSome(cards, hands, ({ uuid, macAddress }) => {
    hypervisor.byHand.setLink(uuid, macAddress, 'down');
    hands.later(`the link of ${macAddress} is set up again`, 5_000, 40_000, () =>
      hypervisor.byHand.setLink(uuid, macAddress, 'up'),
    );
    return `${macAddress} of ${uuid}`;
  });
};

const holdDevices: HandDeed = ({ hypervisor }, hands) => {
  const standalone = hands.store.all('disks').filter(({ metadata }) => !metadata.ownerReferences);
  const isStandalone = ({ path }: { path: string }): boolean =>
    standalone.some(({ metadata }) => path.includes(metadata.uid));
  // A disk that may be wanted elsewhere is the worst to hold.
  const movable = hypervisor.guests.filter(({ disks }) => disks.some(isStandalone));
  return toSome(movable.length > 0 ? movable : hypervisor.guests, hands, ({ uuid, disks, interfaces }) => {
    const devices = [...disks.map(({ target }) => target), ...interfaces.map(({ macAddress }) => macAddress)];
    for (const device of devices) hypervisor.byHand.holdDevice(uuid, device);
    return `${devices.join(', ')} of ${uuid}`;
  });
};

/** What people do at a host, past Purlin. */
export const byHand: readonly [FaultKind, HandDeed][] = [
  [
    'guest killed',
    toAGuest(({ hypervisor }, { uuid }, { random }) =>
      hypervisor.byHand.stopGuest(uuid, random.pick(['crashed', 'destroyed', 'guest'])),
    ),
  ],
  ['guest paused', toAGuest(({ hypervisor }, { uuid }) => hypervisor.byHand.pause(uuid, 'ioError'))],
  ['guest saved', saveGuest],
  ['device held', holdDevices],
  [
    'domain undefined',
    ({ hypervisor }, hands) =>
      toSome(hypervisor.uuids, hands, (uuid) => {
        hypervisor.byHand.undefine(uuid);
        return uuid;
      }),
  ],
  ['definition edited', editDefinition],
  ['guest edited', editGuest],
  ['disk redirected', redirectDisk],
  ['link set down', setLinkDown],
  ['bridge deleted', toASegment('loseBridge')],
  ['bridge lowered', toASegment('lowerBridge')],
  ['gateway removed', toASegment('loseGateway')],
  ['MTU changed', toASegment('changeMtu')],
  ['dnsmasq killed', toASegment('killDnsmasq')],
  ['reservations lost', toASegment('loseReservations')],
  [
    'tap deleted',
    ({ network }, hands) =>
      toSome(network.portsUp, hands, ({ machineUid, interfaceName }) => {
        network.loseTap(tapName(machineUid, interfaceName));
        return `${interfaceName} of ${machineUid}`;
      }),
  ],
  ['disk removed', toADisk(({ storage }, uid) => storage.loseDisk(uid))],
  ['disk enlarged', toADisk(({ storage }, uid) => storage.resizeBehind(uid, 2 ** 32))],
  [
    'image removed',
    ({ storage }, hands) =>
      toSome(storage.cachedDigests(), hands, (digest) => {
        storage.loseImage(digest);
        return digest;
      }),
  ],
  ['forwarding off', ({ network }) => (network.stopForwarding(), 'IPv4')],
  ['rules flushed', ({ network }) => (network.flushRules(), 'all')],
];
