/**
 * Which request begins next: fair queueing by start tags, first among levels by their shares, then among the users of
 * a level. Each level and each user has a tag, the amount of work at which its next request is due; the smallest goes
 * first, and its tag moves on by what the request takes. Whoever comes anew is due now, and so does not wait for what
 * others have piled up. Knows no clock and does no I/O.
 */
import type { Flow } from './classify.ts';
import type { Level, LevelName } from './levels.ts';

/** One request, from its arrival until it is answered. */
export interface Ticket {
  readonly flow: Flow;
  readonly seats: number;
  readonly arrivedMs: number;
}

export type Refusal = 'user-queue-full' | 'level-queue-full';

interface UserQueue {
  /** In the order of arrival. */
  readonly waiting: Set<Ticket>;
  tag: number;
}

interface LevelState {
  readonly level: Level;
  readonly users: Map<string, UserQueue>;
  /** Those of `users` in whose queue something waits. */
  readonly active: Set<UserQueue>;
  seatsInUse: number;
  waiting: number;
  /** The tag of the user whose request began last. */
  virtualTime: number;
  tag: number;
}

/** Users with nothing waiting are remembered by their tags; beyond so many those are forgotten that are in the past. */
const REMEMBERED_USERS = 1000;

export class FairQueues {
  readonly #levels: ReadonlyMap<LevelName, LevelState>;
  readonly #begun = new Set<Ticket>();
  #virtualTime = 0;
  #waiting = 0;

  constructor(levels: Readonly<Record<LevelName, Level>>) {
    this.#levels = new Map(
      Object.entries(levels).map(([name, level]) => [name as LevelName, emptyState(level)]),
    );
  }

  get waiting(): number {
    return this.#waiting;
  }

  seatsInUse(level: LevelName): number {
    return this.#state(level).seatsInUse;
  }

  /** Whether one more request of this flow would be refused; undefined when there is room. */
  refusal({ level: name, user }: Flow): Refusal | undefined {
    const { level, users, waiting } = this.#state(name);
    if ((users.get(user)?.waiting.size ?? 0) >= level.queueLength) return 'user-queue-full';
    return waiting >= level.totalQueueLength ? 'level-queue-full' : undefined;
  }

  /** Lets a request wait. It is not taken when there is a refusal. */
  enqueue(ticket: Ticket): Refusal | undefined {
    const refusal = this.refusal(ticket.flow);
    if (refusal) return refusal;
    const state = this.#state(ticket.flow.level);
    if (state.waiting === 0) state.tag = Math.max(state.tag, this.#virtualTime);
    const queue = queueOf(state, ticket.flow.user);
    if (queue.waiting.size === 0) queue.tag = Math.max(queue.tag, state.virtualTime);
    queue.waiting.add(ticket);
    state.active.add(queue);
    state.waiting += 1;
    this.#waiting += 1;
    return undefined;
  }

  /** The request that is to begin now, whose seats are taken; undefined when none waits for which there are seats. */
  next(): Ticket | undefined {
    let chosen: { state: LevelState; queue: UserQueue; ticket: Ticket } | undefined;
    for (const state of this.#levels.values()) {
      if (state.waiting === 0 || (chosen && chosen.state.tag <= state.tag)) continue;
      const queue = earliest(state.active);
      const ticket = queue?.waiting.values().next().value;
      if (queue && ticket && hasRoom(state, ticket)) chosen = { state, queue, ticket };
    }
    if (!chosen) return undefined;
    const { state, queue, ticket } = chosen;
    this.#virtualTime = Math.max(this.#virtualTime, state.tag);
    state.virtualTime = Math.max(state.virtualTime, queue.tag);
    state.tag += ticket.seats / state.level.shares;
    queue.tag += ticket.seats;
    this.#forget(ticket, state, queue);
    state.seatsInUse += ticket.seats;
    this.#begun.add(ticket);
    return ticket;
  }

  /** The request is answered, or nobody waits for it any more. Harmless when repeated. */
  leave(ticket: Ticket): void {
    const state = this.#state(ticket.flow.level);
    if (this.#begun.delete(ticket)) {
      state.seatsInUse -= ticket.seats;
      return;
    }
    const queue = state.users.get(ticket.flow.user);
    if (queue?.waiting.has(ticket)) this.#forget(ticket, state, queue);
  }

  /** Takes out the requests that have waited too long. */
  expire(nowMs: number): Ticket[] {
    const expired: Ticket[] = [];
    for (const { level, active } of this.#levels.values()) {
      for (const { waiting } of active) {
        for (const ticket of waiting) {
          if (nowMs - ticket.arrivedMs < level.waitMs) break;
          expired.push(ticket);
        }
      }
    }
    for (const ticket of expired) this.leave(ticket);
    return expired;
  }

  #state(name: LevelName): LevelState {
    const state = this.#levels.get(name);
    if (!state) throw new Error(`there is no priority level ${name}`);
    return state;
  }

  #forget(ticket: Ticket, state: LevelState, queue: UserQueue): void {
    queue.waiting.delete(ticket);
    if (queue.waiting.size === 0) state.active.delete(queue);
    state.waiting -= 1;
    this.#waiting -= 1;
  }
}

const emptyState = (level: Level): LevelState => ({
  level,
  users: new Map(),
  active: new Set(),
  seatsInUse: 0,
  waiting: 0,
  virtualTime: 0,
  tag: 0,
});

/** A request wider than its level may begin when it has the level to itself. */
const hasRoom = ({ seatsInUse, level }: LevelState, { seats }: Ticket): boolean =>
  seatsInUse === 0 || seatsInUse + seats <= level.seats;

function queueOf(state: LevelState, user: string): UserQueue {
  const known = state.users.get(user);
  if (known) return known;
  if (state.users.size >= REMEMBERED_USERS) forgetPast(state);
  const queue: UserQueue = { waiting: new Set(), tag: 0 };
  state.users.set(user, queue);
  return queue;
}

function forgetPast({ users, virtualTime }: LevelState): void {
  for (const [user, { waiting, tag }] of users) {
    if (waiting.size === 0 && tag <= virtualTime) users.delete(user);
  }
}

function earliest(queues: Iterable<UserQueue>): UserQueue | undefined {
  let first: UserQueue | undefined;
  for (const queue of queues) if (!first || queue.tag < first.tag) first = queue;
  return first;
}
