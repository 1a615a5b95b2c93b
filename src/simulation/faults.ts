import type { Random } from './random.ts';

/** What can go wrong where a step takes place. The world itself adds what goes wrong beside the steps. */
export const faultKinds = [
  // Between controllers and the API.
  'request lost',
  'answer lost',
  'watch broken',
  'history compacted',
  // The queue.
  'doorbell lost',
  'doorbell repeated',
  'lock lost',
  'queue flushed',
  'queue restored older',
  'queue unreachable',
  // On a host.
  'effect fails before',
  'effect fails after',
  'effect hangs',
  'host event lost',
  'agent crash before an effect',
  'agent crash after an effect',
  // Whole processes and machines.
  'agent crash',
  'controller crash',
  'controller frozen',
  'host rebooted',
  'clock jump',
  // Somebody at the host.
  'guest killed',
  'domain undefined',
  'bridge deleted',
  'dnsmasq killed',
  'rules flushed',
  'reservations lost',
  'tap deleted',
  // Somebody at the API.
  'placement deleted',
] as const;

export type FaultKind = (typeof faultKinds)[number];

/** Which faults a seed may meet, how often they come, and which came. */
export class Faults {
  readonly #random: Random;
  readonly #enabled: ReadonlySet<FaultKind>;
  readonly #fired = new Map<FaultKind, number>();
  /** How much likelier than usual each is. */
  readonly #intensity: number;
  /** How many are left: a world with faults without end would never converge. */
  #budget: number;
  #on = true;

  /**
   * Swarm testing: each seed has a random subset of the kinds, so that no kind always hides behind another. Half of the
   * seeds have few kinds, and these often.
   */
  constructor(random: Random, options: { budget: number; only?: readonly FaultKind[] }) {
    this.#random = random;
    this.#budget = options.budget;
    const focused = random.chance(0.5);
    const share = focused ? 0.1 : 0.4;
    const chosen = faultKinds.filter(() => random.chance(share));
    this.#enabled = new Set(options.only ?? chosen);
    this.#intensity = focused ? 3 : 1;
  }

  /** Whether a fault of this kind happens at this point. */
  happens(kind: FaultKind): boolean {
    if (!this.#on || this.#budget === 0 || !this.#enabled.has(kind)) return false;
    if (!this.#random.chance(this.#intensity * (likelihood[kind] ?? 0.01))) return false;
    this.#budget -= 1;
    this.#fired.set(kind, (this.#fired.get(kind) ?? 0) + 1);
    return true;
  }

  get fired(): ReadonlyMap<FaultKind, number> {
    return this.#fired;
  }

  get count(): number {
    return [...this.#fired.values()].reduce((sum, each) => sum + each, 0);
  }

  /** From here on things go wrong again. */
  resume(): void {
    this.#on = true;
  }

  /** From here on nothing goes wrong any more. */
  stop(): void {
    this.#on = false;
  }
}

/** Points at which a fault could happen are of very different number. */
const likelihood: Partial<Record<FaultKind, number>> = {
  'request lost': 0.02,
  'answer lost': 0.02,
  'watch broken': 0.05,
  'history compacted': 0.05,
  'doorbell lost': 0.25,
  'doorbell repeated': 0.25,
  'lock lost': 0.25,
  'effect fails before': 0.15,
  'effect fails after': 0.15,
  'effect hangs': 0.02,
  'host event lost': 0.2,
  'agent crash before an effect': 0.15,
  'agent crash after an effect': 0.15,
};
