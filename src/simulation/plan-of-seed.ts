import type { Aim } from './faults.ts';
import { type ActionName, allMeetings } from './meetings.ts';
import type { Random } from './random.ts';

/** How much there is in a world, and how much goes wrong in it. */
export interface Size {
  /** Which numbers of Machines it may begin with. */
  machines: readonly number[];
  /** Of users, at least, and at most twice as many. */
  deeds: number;
  /** At most, beyond these, until what the world aims at has happened. */
  furtherDeeds: number;
  /** At least, and at most three times as many. */
  faults: number;
  /** How much likelier than usual they are. */
  density: number;
  /** Steps between two deeds, at most. */
  pause: number;
  /** How likely nothing goes wrong before guests run. */
  settles: number;
  /** How likely something goes wrong again after everything has come to rest. */
  disturbedAtRest: number;
}

const small: Size = {
  machines: [1, 2],
  deeds: 2,
  furtherDeeds: 20,
  faults: 4,
  density: 1,
  pause: 80,
  settles: 0.7,
  disturbedAtRest: 0.5,
};
const large: Size = { ...small, machines: [2, 3], deeds: 7, faults: 8, pause: 160 };
/** So little that many more seeds can be tried: things go wrong from the very beginning, and one upon another. */
const brief: Size = {
  machines: [1],
  deeds: 1,
  furtherDeeds: 0,
  faults: 4,
  density: 4,
  pause: 30,
  settles: 0.1,
  disturbedAtRest: 0.1,
};

const ofRunningGuests: ReadonlySet<ActionName> = new Set<ActionName>([
  'machine.reconfigure',
  'machine.connect',
  'machine.requestShutdown',
  'machine.withdrawShutdown',
  'machine.powerOff',
  'api.deleteChild',
]);

/** One fault during one action that this seed tries to bring about: together all seeds bring about all of them. */
export const aimOf = (seed: number): Aim | undefined => allMeetings[seed % allMeetings.length];

/** Most are small, since what breaks mostly breaks among few. */
export function sizeOf(random: Random, isBrief = false): Size {
  const usual = random.chance(0.8) ? small : large;
  return isBrief ? brief : usual;
}

/** What there is one of meets itself more often; the last one is never lost. */
export const hostsOf = (random: Random, aim: Aim | undefined): number =>
  random.pick(aim?.fault === 'host lost' ? [2, 3, 3, 3, 4, 4] : [1, 2, 3, 3, 3, 4, 4]);

/** What it is to bring about can only happen to a guest that runs. */
export const needsRunningGuests = ({ action }: Aim): boolean => ofRunningGuests.has(action);
