/** What a user does in a life, phase by phase; each ends when the world is at rest. */
import { type Condition, conditionTrue } from '../../src/resources/conditions.ts';
import type { Resource } from '../../src/resources/metadata.ts';
import type { Life } from './life.ts';

/** What a user finds at the site of a life. */
export interface Surroundings {
  /** An Image by file with nothing in it: its guest never boots, and so costs no CPU. */
  emptyImage: string;
  /** One with a small Linux. */
  bootableImage: string;
  /** Waits until the guest at the address has booted. */
  guestAnswers: (address: string) => Promise<unknown>;
}

export interface Phase {
  name: string;
  act(life: Life, surroundings: Surroundings): Promise<void>;
  /** Whether a clean life has got there; a disturbed one has when it looks like the clean one. */
  done(objects: Lookup): boolean;
  /** The guest that ran before it is the one that runs after it; otherwise clean lives may start it as they like. */
  guest?: 'runs on';
}

/** The object of a life as `plural/name`; nothing when it is not there. */
export type Lookup = (object: string) => Seen | undefined;

interface Seen extends Resource {
  status?: {
    phase?: string;
    observedGeneration?: number;
    conditions?: Condition[];
    capacity?: number;
    restartRequired?: string[];
  };
}

export const lookupIn =
  (objects: readonly Resource[]): Lookup =>
  (object) =>
    objects.find(({ kind, metadata }) => `${kind.toLowerCase()}s/${metadata.name}` === object) as
      | Seen
      | undefined;

const mebibyte = 2 ** 20;

/** Ready, and that is said of the present spec. */
const ready = (object: Seen | undefined): boolean =>
  object !== undefined &&
  object.status?.observedGeneration === object.metadata.generation &&
  conditionTrue(object, 'Ready');

const eth0 = { name: 'eth0', subnetRef: { name: 'front' }, address: '10.81.1.10' };
const eth1 = { name: 'eth1', subnetRef: { name: 'front' } };
const templates = (rootSize: string, dataSize = '8Mi') => [
  {
    name: 'root',
    boot: true,
    template: { spec: { size: rootSize, source: { imageRef: { name: 'demo' } } } },
  },
  { name: 'data', template: { spec: { size: dataSize } } },
];
const extra = { name: 'extra', diskRef: { name: 'extra' } };

const providing = async (life: Life, file: string): Promise<void> => {
  await life.createNamespace();
  await life.createSecret('cloud', { userData: '#!/bin/sh\necho from a Secret\n' });
  await life.create('Image', 'demo', { source: { file }, format: 'qcow2' });
  await life.create('Subnet', 'front', { cidr: '10.81.1.0/24', egress: 'NAT' });
};

const provide: Phase = {
  name: 'image and subnet',
  act: (life, { emptyImage }) => providing(life, emptyImage),
  done: (object) => ready(object('images/demo')) && ready(object('subnets/front')),
};

const create: Phase = {
  name: 'create',
  act: (life) =>
    life.create('Machine', 'web', {
      memory: '64Mi',
      terminationGracePeriodSeconds: 0,
      disks: templates('16Mi'),
      interfaces: [eth0],
      userData: { secretRef: { name: 'cloud', key: 'userData' } },
    }),
  done: (object) => ready(object('machines/web')),
};

const grow: Phase = {
  name: 'grow',
  act: (life) => life.change('disks', 'web-data', { spec: { size: '12Mi' } }),
  done: (object) => object('disks/web-data')?.status?.capacity === 12 * mebibyte,
};

/** A Disk that no Machine asks for yet chooses its host itself. */
const loneDisk: Phase = {
  name: 'lone disk',
  act: (life) =>
    life.create('Disk', 'extra', {
      size: '8Mi',
      format: 'raw',
      reclaimPolicy: 'Retain',
      bindingMode: 'Immediate',
    }),
  done: (object) => ready(object('disks/extra')),
};

const plug: Phase = {
  name: 'plug',
  act: async (life) => {
    const disks = [...templates('16Mi'), extra];
    await life.change('machines', 'web', { spec: { cpus: 2, disks, interfaces: [eth0, eth1] } });
  },
  done: (object) => ready(object('machines/web')) && ready(object('disks/extra')),
};

const restart: Phase = {
  name: 'restart',
  act: (life) => life.change('machines', 'web', { spec: { memory: '80Mi', updatePolicy: 'Restart' } }),
  done: (object) => ready(object('machines/web')) && !object('machines/web')?.status?.restartRequired,
};

const halt: Phase = {
  name: 'halt',
  act: (life) => life.change('machines', 'web', { spec: { runStrategy: 'Halted' } }),
  done: (object) => object('machines/web')?.status?.phase === 'Stopped',
};

/** The template grows, and its Disk with it; `grow` was of the Disk itself. */
const unplug: Phase = {
  name: 'unplug',
  act: (life) =>
    life.change('machines', 'web', { spec: { disks: templates('16Mi', '16Mi'), interfaces: [eth0] } }),
  done: (object) =>
    object('disks/web-data')?.status?.capacity === 16 * mebibyte &&
    object('ipaddresses/front-10-81-1-2') === undefined,
};

const retain: Phase = {
  name: 'retain',
  act: (life) => life.delete('disks', 'extra'),
  done: (object) => object('disks/extra') === undefined,
};

const startAgain: Phase = {
  name: 'start again',
  act: (life) => life.change('machines', 'web', { spec: { runStrategy: 'Always' } }),
  done: (object) => ready(object('machines/web')),
};

/** The guest has no system that would heed the power button, and time enough for all that goes wrong meanwhile. */
const ask: Phase = {
  name: 'ask to shut down',
  act: (life) =>
    life.change('machines', 'web', { spec: { runStrategy: 'Halted', terminationGracePeriodSeconds: 3600 } }),
  done: (object) => object('machines/web')?.status?.phase === 'Stopping',
  guest: 'runs on',
};

/** The user thinks better of it before the grace period is over. */
const withdraw: Phase = {
  name: 'withdraw',
  act: (life) =>
    life.change('machines', 'web', { spec: { runStrategy: 'Always', terminationGracePeriodSeconds: 0 } }),
  done: (object) => ready(object('machines/web')),
  guest: 'runs on',
};

/** Foreground deletion of all at once, as `kubectl delete -f` would, with a guest that runs. */
const remove: Phase = {
  name: 'delete',
  act: (life) => life.deleteAll(),
  done: (object) =>
    ['images/demo', 'subnets/front', 'machines/web', 'disks/web-root'].every((each) => !object(each)),
};

const provideBootable: Phase = {
  ...provide,
  act: (life, { bootableImage }) => providing(life, bootableImage),
};

const boot: Phase = {
  name: 'boot',
  act: async (life) => {
    await life.create('Disk', 'extra', { size: '8Mi' });
    await life.create('Machine', 'web', {
      memory: '96Mi',
      terminationGracePeriodSeconds: 120,
      disks: [...templates('256Mi'), extra],
      interfaces: [eth0, eth1],
    });
  },
  done: (object) => ready(object('machines/web')),
};

/** A guest gives a device up only once it has booted. */
const unplugLive: Phase = {
  name: 'unplug live',
  act: async (life, { guestAnswers }) => {
    await guestAnswers(eth0.address);
    await life.change('machines', 'web', { spec: { disks: templates('256Mi'), interfaces: [eth0] } });
  },
  done: (object) => ready(object('machines/web')) && object('ipaddresses/front-10-81-1-2') === undefined,
};

const shutDown: Phase = { ...halt, name: 'shut down' };

/** What a user does in a life, one phase after the other. */
export interface Course {
  name: 'short' | 'long' | 'booted';
  phases: readonly Phase[];
  /** Those in which something goes wrong; the others are disturbed in another course. */
  disturbed: readonly Phase[];
}

const between = [grow, loneDisk, plug, restart, halt, unplug, retain, startAgain, ask, withdraw];
const withGuest = [unplugLive, shutDown];

export const courses: readonly Course[] = [
  // The quickstart and nothing else.
  { name: 'short', phases: [provide, create, remove], disturbed: [provide, create, remove] },
  // Everything that can be done to its objects without the help of a guest.
  { name: 'long', phases: [provide, create, ...between, remove], disturbed: between },
  { name: 'booted', phases: [provideBootable, boot, ...withGuest, remove], disturbed: withGuest },
];
