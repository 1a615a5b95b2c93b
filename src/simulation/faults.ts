import { type FaultKind, faultKinds } from './fault-kinds.ts';
import { type ActionName, actionsMetBy, befallsSteps, Meetings } from './meetings.ts';
import type { Random } from './random.ts';

/** A fault that a seed is to bring about while an action is under way. */
export interface Aim {
  fault: FaultKind;
  action: ActionName;
}

export interface FaultOptions {
  /** How many at most beside the one that is aimed at: a world with faults without end would never converge. */
  budget: number;
  /** How much likelier than usual each is. */
  density?: number;
  /** Instead of a random subset. */
  only?: readonly FaultKind[];
  aim?: Aim;
  /** What is under way at this moment: in the whole world, or what a fault at that place can meet. */
  underway: (at?: Spot) => ReadonlySet<ActionName>;
  meetings: Meetings;
}

/** The name of a host or of a controller; a fault of the API server, the queue or the store has none. */
export type Spot = string;

/** Something that goes wrong from outside. */
export interface Attempt {
  at?: Spot;
  /** @returns what was done, or nothing when there was nothing that it could befall */
  deed: () => string | undefined;
}

/** Where in the program a step is that something may happen to. */
export interface Point {
  /** The action whose step it is, where it is the step of one. */
  during?: ActionName | undefined;
  at?: Spot;
}

/** What a fault finds when it comes. */
interface Circumstances {
  /** It is what the seed is to bring about. */
  aimed: boolean;
  /** What it meets, if it can befall them. */
  actions: readonly ActionName[];
}

/** How often the fault that a seed aims at is brought about. */
const AIMED = 2;

/** Which faults a seed may meet, how often they come, and which came. */
export class Faults {
  readonly #random: Random;
  readonly #options: FaultOptions;
  readonly #enabled: ReadonlySet<FaultKind>;
  readonly #fired = new Map<FaultKind, number>();
  /** How much likelier than usual each is. */
  readonly #intensity: number;
  #budget: number;
  #aimed = 0;
  #on = true;

  /**
   * Swarm testing: each seed has a random subset of the kinds, so that no kind always hides behind another. Half of the
   * seeds have few kinds, and these often.
   */
  constructor(random: Random, options: FaultOptions) {
    this.#random = random;
    this.#options = options;
    this.#budget = options.budget;
    const focused = random.chance(0.5);
    const share = focused ? 0.1 : 0.4;
    const chosen = faultKinds.filter(() => random.chance(share));
    this.#enabled = new Set(options.only ?? chosen);
    this.#intensity = (focused ? 3 : 1) * (options.density ?? 1);
  }

  /** Whether a fault of this kind happens at this point. */
  happens(kind: FaultKind, point: Point = {}): boolean {
    if (!this.#comes(kind, point)) return false;
    this.#count(kind, this.#circumstances(kind, point));
    return true;
  }

  /**
   * Lets a fault of this kind come from outside, if one comes now and there is something that it can befall.
   *
   * @param attempts what it may befall, one instead of the other
   * @returns what the deed did, or nothing
   */
  befalls(kind: FaultKind, attempts: () => readonly Attempt[]): string | undefined {
    return this.#comes(kind) ? this.#befall(kind, attempts) : undefined;
  }

  /** The same of one that follows from what happened, and not from chance. */
  brings(kind: FaultKind, attempts: () => readonly Attempt[]): string | undefined {
    const { only } = this.#options;
    const mayCome = this.#on && this.#budget > 0 && (only === undefined || only.includes(kind));
    return mayCome ? this.#befall(kind, attempts) : undefined;
  }

  #befall(kind: FaultKind, attempts: () => readonly Attempt[]): string | undefined {
    for (const { at, deed } of attempts()) {
      // The deed may put an end to what was under way when it came.
      const circumstances = this.#circumstances(kind, at === undefined ? {} : { at });
      const what = deed();
      if (what === undefined) continue;
      this.#count(kind, circumstances);
      return what;
    }
    return undefined;
  }

  /** This seed is to bring this fault about, and here it would meet what it is to meet. */
  isAimedAt(kind: FaultKind, at: Spot): boolean {
    return this.#mayBeAimedAt(kind, { at });
  }

  #comes(kind: FaultKind, point: Point = {}): boolean {
    return this.#on && (this.#aimsAt(kind, point) || this.#comesByChance(kind));
  }

  #circumstances(kind: FaultKind, point: Point): Circumstances {
    const stepOf = point.during ? [point.during] : [];
    return {
      aimed: this.#mayBeAimedAt(kind, point),
      actions: befallsSteps(kind) ? stepOf : [...this.#options.underway(point.at)],
    };
  }

  #count(kind: FaultKind, { aimed, actions }: Circumstances): void {
    // What was wanted here is not charged to the world, whichever die brought it about.
    if (aimed) this.#aimed += 1;
    else this.#budget -= 1;
    this.#fired.set(kind, (this.#fired.get(kind) ?? 0) + 1);
    const met = actionsMetBy(kind);
    for (const action of actions) if (met.includes(action)) this.#options.meetings.add(kind, action);
  }

  #comesByChance(kind: FaultKind): boolean {
    if (this.#budget <= 0 || !this.#enabled.has(kind)) return false;
    // It waits for what it is to meet: at another time it might leave nothing for it to meet.
    if (kind === this.#options.aim?.fault && !this.aimMet) return false;
    return this.#random.chance(this.#intensity * (likelihood[kind] ?? 0.04));
  }

  #aimsAt(kind: FaultKind, point: Point): boolean {
    return this.#mayBeAimedAt(kind, point) && this.#random.chance(0.5);
  }

  /** It is the one that this seed is to bring about, the action is there, and it has not come often enough. */
  #mayBeAimedAt(kind: FaultKind, { during, at }: Point): boolean {
    const { aim, underway, budget } = this.#options;
    if (aim?.fault !== kind || this.#aimed === AIMED || budget === 0) return false;
    return befallsSteps(kind) ? during === aim.action : underway(at).has(aim.action);
  }

  /** What this seed tries to bring about. */
  get aim(): Aim | undefined {
    return this.#options.aim;
  }

  /** It has been brought about. */
  get aimMet(): boolean {
    return this.#options.aim === undefined || this.#aimed > 0;
  }

  /** What this seed is to bring about comes from outside during this action: there must be time for it to come. */
  leavesTimeIn(action: ActionName | undefined): boolean {
    const { aim } = this.#options;
    return this.#on && aim !== undefined && aim.action === action && !befallsSteps(aim.fault) && !this.aimMet;
  }

  get fired(): ReadonlyMap<FaultKind, number> {
    return this.#fired;
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

/** A world in which nothing ever goes wrong. */
export const noFaults = (random: Random): Faults =>
  new Faults(random, { budget: 0, underway: () => new Set(), meetings: new Meetings() });

/** Points at which a fault could happen are of very different number. */
const likelihood: Partial<Record<FaultKind, number>> = {
  'request lost': 0.02,
  'request late': 0.02,
  'answer lost': 0.02,
  'watch broken': 0.05,
  'history compacted': 0.05,
  'doorbell lost': 0.25,
  'doorbell repeated': 0.25,
  'lock lost': 0.25,
  'effect fails before': 0.15,
  'effect fails after': 0.15,
  'effect hangs': 0.02,
  'effect comes late': 0.15,
  'host event lost': 0.2,
  'agent crash before an effect': 0.15,
  'agent crash after an effect': 0.15,
};
