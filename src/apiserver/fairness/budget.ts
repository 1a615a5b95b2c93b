/** A bounded amount of something that users hold for a while: bytes of bodies, open watches. */

export interface BudgetLimits {
  readonly total: number;
  /** Of which one user may hold so much. */
  readonly perUser: number;
}

export type Shortage = 'user' | 'total';

/** What a user holds until it is given back. */
export interface Holding {
  /** Harmless when repeated. */
  release(): void;
}

export class Budget {
  readonly #limits: BudgetLimits;
  readonly #held = new Map<string, number>();
  #total = 0;

  constructor(limits: BudgetLimits) {
    this.#limits = limits;
  }

  get held(): number {
    return this.#total;
  }

  /** Whose limit stands in the way, if one does. */
  take(user: string, amount: number): Holding | Shortage {
    const held = this.#held.get(user) ?? 0;
    if (held + amount > this.#limits.perUser) return 'user';
    if (this.#total + amount > this.#limits.total) return 'total';
    this.#change(user, amount);
    let holds = true;
    return {
      release: () => {
        if (holds) this.#change(user, -amount);
        holds = false;
      },
    };
  }

  #change(user: string, by: number): void {
    const held = (this.#held.get(user) ?? 0) + by;
    if (held === 0) this.#held.delete(user);
    else this.#held.set(user, held);
    this.#total += by;
  }
}
