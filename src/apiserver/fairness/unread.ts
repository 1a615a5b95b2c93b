/** Answers that are made and not read yet. They are memory, so they count by whose they are. */
import { Budget } from './budget.ts';
import type { BudgetLimits, Holding, Shortage, Standing } from './budget.ts';

/** A watch of which nothing was read for so long makes room for others, if there is too little. */
const PATIENCE_MS = 2000;

export interface Reader {
  readonly user: string;
  readonly standing: Standing;
}

/** What a watch has to tell, and its client has not read yet. */
interface Told {
  readonly sinceMs: number;
  readonly cut: () => void;
}

export class Unread {
  readonly #budget: Budget;
  readonly #nowMs: () => number;
  /** By user, the oldest first. */
  readonly #told = new Map<string, Set<Told>>();

  constructor(limits: BudgetLimits, nowMs: () => number) {
    this.#budget = new Budget(limits);
    this.#nowMs = nowMs;
  }

  get bytes(): number {
    return this.#budget.held;
  }

  /** An answer that may also be refused. */
  take({ user, standing }: Reader, bytes: number): Holding | Shortage {
    return this.#budget.take(user, bytes, standing);
  }

  /** An answer to what was done. */
  hold({ user, standing }: Reader, bytes: number): Holding {
    return this.#budget.hold(user, bytes, standing);
  }

  /**
   * Something that a watch has to tell and that could not be sent at once. Where there is too little room, those go that
   * were not read for longest; without any such it is a shortage.
   *
   * @param cut ends the watch
   */
  tell({ user, standing }: Reader, bytes: number, cut: () => void): Holding | Shortage {
    for (;;) {
      const holding = this.#budget.take(user, bytes, standing);
      if (typeof holding !== 'string') return this.#remember(user, cut, holding);
      const slowest = this.#slowest(holding === 'user' ? [user] : [...this.#told.keys()]);
      if (!slowest) return holding;
      slowest.cut();
    }
  }

  #remember(user: string, cut: () => void, holding: Holding): Holding {
    const ofUser = this.#told.get(user) ?? new Set();
    this.#told.set(user, ofUser);
    const release = (): void => {
      holding.release();
      ofUser.delete(told);
      if (ofUser.size === 0 && this.#told.get(user) === ofUser) this.#told.delete(user);
    };
    const told: Told = {
      sinceMs: this.#nowMs(),
      cut: () => {
        release();
        cut();
      },
    };
    ofUser.add(told);
    return { release };
  }

  #slowest(users: readonly string[]): Told | undefined {
    let slowest: Told | undefined;
    for (const user of users) {
      const [oldest] = this.#told.get(user) ?? [];
      if (oldest && oldest.sinceMs < (slowest?.sinceMs ?? Infinity)) slowest = oldest;
    }
    return slowest && this.#nowMs() - slowest.sinceMs >= PATIENCE_MS ? slowest : undefined;
  }
}
