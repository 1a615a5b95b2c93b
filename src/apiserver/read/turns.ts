/**
 * Shares out the event loop among watches and lists. A change that concerns a thousand watches, one of them that is far
 * behind, or a long list is work that can wait for a moment; requests that come meanwhile must not wait for all of it.
 */
const EVENTS_IN_A_STEP = 256;

export class Turns {
  readonly #eventsInAStep: number;
  #left: number;
  #working = false;
  #scheduled = false;
  #waiting: (() => void)[] = [];

  constructor(eventsInAStep = EVENTS_IN_A_STEP) {
    this.#eventsInAStep = eventsInAStep;
    this.#left = eventsInAStep;
  }

  /** Resolves, or is nothing, when some work may be done; it ends by saying what was {@link spend spent}. */
  readonly take = (): Promise<void> | undefined => {
    this.#schedule();
    if (!this.#working && this.#left > 0) {
      this.#working = true;
      return undefined;
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  };

  /**
   * After the work of one turn, in the same step of the event loop. Work that did not wait for a turn counts too, but
   * not for longer than one step: nobody has to wait for what others did long ago.
   */
  spend(events: number): void {
    this.#left = Math.max(this.#left - events, -this.#eventsInAStep);
    this.#admitNext();
  }

  #admitNext(): void {
    const next = this.#left > 0 ? this.#waiting.shift() : undefined;
    this.#working = next !== undefined;
    next?.();
  }

  /** The next step. Whoever did not say what he has spent has lost interest. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#left = Math.min(this.#eventsInAStep, this.#left + this.#eventsInAStep);
      this.#admitNext();
      if (this.#waiting.length > 0) this.#schedule();
    });
  }
}

/** There is one. */
export const eventLoop = new Turns();
