/** Lets requests begin in the order of the fair queues, some in each turn of the event loop. */
import { tooManyRequests } from '../errors.ts';
import type { Flow } from './classify.ts';
import type { Level, LevelName } from './levels.ts';
import { FairQueues } from './queues.ts';
import type { Ticket } from './queues.ts';

/**
 * Requests of so many seats in all begin in one turn: between turns the sockets of others are read, whose requests may
 * be due earlier. One that takes more has a turn for itself. Small ones share a turn, because writes of one turn share
 * a commit.
 */
const SEATS_PER_TURN = 16;
const EXPIRY_CHECK_MS = 500;

/** The right to work on a request. */
export interface Seat {
  /** Gives it back. Harmless when repeated. */
  release(): void;
}

/** What the dispatcher needs of the world. */
export interface Turns {
  nowMs(): number;
  /** Runs it after the sockets that are readable now have been read. */
  nextTurn(run: () => void): void;
}

export const EVENT_LOOP: Turns = { nowMs: () => performance.now(), nextTurn: (run) => setImmediate(run) };

interface Waiting {
  begin(): void;
  refuse(error: Error): void;
}

export class Dispatcher {
  readonly #queues: FairQueues;
  readonly #turns: Turns;
  readonly #waiting = new Map<Ticket, Waiting>();
  #turnIsDue = false;
  #expiry: NodeJS.Timeout | undefined;
  #refused = 0;

  constructor(levels: Readonly<Record<LevelName, Level>>, turns: Turns = EVENT_LOOP) {
    this.#queues = new FairQueues(levels);
    this.#turns = turns;
  }

  /** Requests answered 429 so far. */
  get refused(): number {
    return this.#refused;
  }

  get waiting(): number {
    return this.#queues.waiting;
  }

  seatsInUse(level: LevelName): number {
    return this.#queues.seatsInUse(level);
  }

  /** Throws 429 when a request of this flow could not even wait. */
  requireRoom(flow: Flow): void {
    if (this.#queues.refusal(flow)) throw this.#refusal();
  }

  /** Waits until the request may begin. Rejects with 429 when it cannot wait, or has waited too long, or as it is `gone`. */
  enter(flow: Flow, seats: number, gone: AbortSignal): Promise<Seat> {
    const ticket: Ticket = { flow, seats, arrivedMs: this.#turns.nowMs() };
    if (gone.aborted) return Promise.reject(gone.reason as Error);
    if (this.#queues.enqueue(ticket)) return Promise.reject(this.#refusal());
    this.#schedule();
    this.#watchExpiry();
    return new Promise((resolve, reject) => {
      const leave = () => this.#leave(ticket);
      const abandon = () => {
        leave();
        this.#waiting.delete(ticket);
        reject(gone.reason as Error);
      };
      gone.addEventListener('abort', abandon, { once: true });
      const settled = () => gone.removeEventListener('abort', abandon);
      this.#waiting.set(ticket, {
        begin: () => {
          settled();
          resolve({ release: leave });
        },
        refuse: (error) => {
          settled();
          reject(error);
        },
      });
    });
  }

  #leave(ticket: Ticket): void {
    this.#queues.leave(ticket);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#turnIsDue || this.#queues.waiting === 0) return;
    this.#turnIsDue = true;
    this.#turns.nextTurn(() => this.#turn());
  }

  #turn(): void {
    this.#turnIsDue = false;
    let seats = 0;
    while (seats < SEATS_PER_TURN) {
      const ticket = this.#queues.next();
      if (!ticket) return;
      seats += ticket.seats > 1 ? SEATS_PER_TURN : 1;
      this.#take(ticket)?.begin();
    }
    this.#schedule();
  }

  #take(ticket: Ticket): Waiting | undefined {
    const waiting = this.#waiting.get(ticket);
    this.#waiting.delete(ticket);
    return waiting;
  }

  #watchExpiry(): void {
    if (this.#expiry) return;
    this.#expiry = setTimeout(() => {
      this.#expiry = undefined;
      for (const ticket of this.#queues.expire(this.#turns.nowMs())) {
        this.#take(ticket)?.refuse(this.#refusal());
      }
      if (this.#queues.waiting > 0) this.#watchExpiry();
    }, EXPIRY_CHECK_MS);
    this.#expiry.unref();
  }

  #refusal(): Error {
    this.#refused += 1;
    return tooManyRequests();
  }
}
