import type { Aim } from './faults.ts';
import { type ActionName, allMeetings } from './meetings.ts';
import type { Random } from './random.ts';

/** How much there is in a world. */
export interface Size {
  machines: number;
  /** Of users, at least, and at most twice as many. */
  deeds: number;
  /** At least, and at most three times as many. */
  faults: number;
  /** Steps between two deeds, at most. */
  pause: number;
}

const small: Size = { machines: 1, deeds: 2, faults: 4, pause: 80 };
const large: Size = { machines: 2, deeds: 7, faults: 8, pause: 160 };

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
export const sizeOf = (random: Random): Size => (random.chance(0.8) ? small : large);

/** What there is one of meets itself more often. */
export const hostsOf = (random: Random): number => random.pick([1, 2, 3, 3, 3, 4, 4]);

/** What it is to bring about can only happen to a guest that runs. */
export const needsRunningGuests = ({ action }: Aim): boolean => ofRunningGuests.has(action);
