import type { Cancel, Clock } from '../clock/clock.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Sight } from './hosts.ts';
import type { Leadership } from './leader.ts';

export interface SettlingOptions {
  leadership: Pick<Leadership, 'settling' | 'settled'>;
  /** Names of the hosts that have a claim in Redis when this leadership begins. */
  claimed: readonly string[];
  /** Names of the Host objects. */
  registered: () => readonly string[];
  /** Whether all that was ever ordered on a host shows in what it tells. */
  sightOf: (hostName: string) => Sight;
  /** Hosts have what the store does not say yet. */
  adopts: () => boolean;
  /** Everything may be done from here on. */
  onSettled: () => void;
  clock: Pick<Clock, 'after'>;
  logger: Logger;
}

/** Between two looks at whether everything is written down. */
const CHECK_MS = 1_000;
/** What the API refuses to have written down for so many looks does not hold up everything else. */
const CHECKS = 60;

/**
 * While nobody can say what earlier leaders did, nothing is done: the store may have been restored from a backup, and a
 * Machine that has no host in it may be running on the one that is silent. So every host has to be seen once, all at the
 * same time and with nothing of earlier leaders still to come, and what they have and the store does not say be written
 * down. A host that is gone for ever is given up by deleting its Host, as always (ADR 0024).
 */
export class Settling {
  readonly #options: SettlingOptions;
  /** Hosts that the store may know nothing of. */
  readonly #claimed: Set<string>;
  #over: boolean;
  #next: Cancel | undefined;

  constructor(options: SettlingOptions) {
    this.#options = options;
    this.#claimed = new Set(options.leadership.settling ? options.claimed : []);
    this.#over = !options.leadership.settling;
  }

  /** Hosts that are to have a Host object although they are silent, so that somebody can see and delete it. */
  get unseen(): readonly string[] {
    return this.#over ? [] : [...this.#claimed].filter((name) => this.#options.sightOf(name) === 'unseen');
  }

  /** What has to happen before anything is done, in words for a condition; nothing when it has. */
  get waitsFor(): string | undefined {
    if (this.#over) return undefined;
    const unseen = this.#hostsThatAre('unseen');
    const busy = this.#hostsThatAre('busy');
    if (unseen.length === 0 && busy.length === 0) return 'waits until what the hosts have is written down';
    if (unseen.length === 0)
      return `waits until ${listed(busy)} ended what an earlier leader ordered, which the store may not know of; restart the agent there if that lasts`;
    return `waits for ${listed(unseen)} to report: the store may be older than what hosts have (it was restored, or the Lease of the controllers was deleted); start the agent there, or delete the Host of one that is gone for ever`;
  }

  /** Whoever deletes the Host of a host says that it is gone. */
  giveUp(hostName: string): void {
    this.#claimed.delete(hostName);
    this.look();
  }

  /** To be called whenever a host may have become known. */
  look(): void {
    if (!this.#over && !this.#next) this.#check(CHECKS);
  }

  close(): void {
    this.#next?.();
  }

  #check(further: number): void {
    const { adopts, clock, logger } = this.#options;
    this.#next = undefined;
    if (this.#hostsThatAre('unseen', 'busy').length > 0) return;
    const adopting = adopts();
    if (adopting && further > 0) {
      this.#next = clock.after(CHECK_MS, () => this.#check(further - 1));
      return;
    }
    if (adopting) logger.warn('some of what the hosts have could not be written down; everything goes on');
    this.#settle();
  }

  #settle(): void {
    const { leadership, onSettled, logger } = this.#options;
    this.#over = true;
    leadership.settled();
    logger.info('every host has been seen; what the store says is carried out');
    onSettled();
  }

  #hostsThatAre(...sights: Sight[]): string[] {
    const { registered, sightOf } = this.#options;
    const all = new Set([...registered(), ...this.#claimed]);
    return [...all].filter((name) => sights.includes(sightOf(name))).sort();
  }
}

const listed = (hosts: readonly string[]): string =>
  `${hosts.length === 1 ? 'host' : 'hosts'} ${hosts.join(', ')}`;
