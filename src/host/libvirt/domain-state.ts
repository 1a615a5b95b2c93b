import type { ObservedDomain } from './hypervisor-port.ts';

type Power = Pick<ObservedDomain, 'power' | 'pauseCause' | 'stopCause'>;

/** virDomainState */
const paused = 3;
const shutOff = 5;
const crashed = 6;
const suspendedByGuest = 7;

/** virDomainShutoffReason; the missing ones (migrated, saved, daemon, …) are causes that Purlin never makes. */
const stopCauses: Record<number, NonNullable<Power['stopCause']>> = {
  1: 'guest',
  2: 'destroyed',
  3: 'crashed',
  6: 'failed',
};

/**
 * virDomainPausedReason. Passing are migration, save, dump, shutting down, snapshot, starting up and postcopy; the missing
 * ones (watchdog, from a snapshot, crashed, postcopy failed, API error) stay as they are until somebody acts.
 */
const pauseCauses: Record<number, NonNullable<Power['pauseCause']>> = {
  0: 'user',
  1: 'user',
  2: 'passing',
  3: 'passing',
  4: 'passing',
  5: 'ioError',
  8: 'passing',
  9: 'passing',
  11: 'passing',
  12: 'passing',
};

/** libvirt's state and reason in our words. Blocked, shutting down and "no state" all mean that QEMU runs. */
export function readPower({ state, reason }: { state: number; reason: number }): Power {
  switch (state) {
    case shutOff:
      return { power: 'shutoff', stopCause: stopCauses[reason] ?? 'unknown' };
    case crashed:
      return { power: 'shutoff', stopCause: 'crashed' };
    case paused:
      return { power: 'paused', pauseCause: pauseCauses[reason] ?? 'other' };
    case suspendedByGuest:
      return { power: 'paused', pauseCause: 'passing' };
    default:
      return { power: 'running' };
  }
}
