/** A bounded amount of something that users hold for a while: bytes of bodies and of answers, open watches. */

export interface BudgetLimits {
  readonly total: number;
  /** Of which ordinary users may hold so much together: the rest is for those who keep things going. */
  readonly ordinary: number;
  /** And one user so much. */
  readonly perUser: number;
}

export type Standing = 'ordinary' | 'privileged';

/** Whose limit stands in the way. */
export type Shortage = 'user' | 'ordinary' | 'total';

/** What a user holds until it is given back. */
export interface Holding {
  /** Harmless when repeated. */
  release(): void;
}

export class Budget {
  readonly #limits: BudgetLimits;
  readonly #held = new Map<string, number>();
  #total = 0;
  #ordinary = 0;

  constructor(limits: BudgetLimits) {
    this.#limits = limits;
  }

  get held(): number {
    return this.#total;
  }

  take(user: string, amount: number, standing: Standing): Holding | Shortage {
    const held = this.#held.get(user) ?? 0;
    const { perUser, ordinary, total } = this.#limits;
    if (held + amount > perUser) return 'user';
    if (this.#total + amount > total) return 'total';
    if (standing === 'ordinary' && this.#ordinary + amount > ordinary) return 'ordinary';
    return this.hold(user, amount, standing);
  }

  /** What is there already, and counts whether there is room for it or not. */
  hold(user: string, amount: number, standing: Standing): Holding {
    this.#change(user, amount, standing);
    let holds = true;
    return {
      release: () => {
        if (holds) this.#change(user, -amount, standing);
        holds = false;
      },
    };
  }

  #change(user: string, by: number, standing: Standing): void {
    const held = (this.#held.get(user) ?? 0) + by;
    if (held === 0) this.#held.delete(user);
    else this.#held.set(user, held);
    this.#total += by;
    if (standing === 'ordinary') this.#ordinary += by;
  }
}
