/** Where a request waits for its turn, and what it holds until it is answered: its body's bytes, a seat, a watch. */
import type { Attributes } from '../authz/attributes.ts';
import { tooManyRequests } from '../errors.ts';
import type { UserRequest } from '../http.ts';
import { MAX_BODY_BYTES, bodyTooLarge } from '../request-body.ts';
import { keyPrefix } from '../resource.ts';
import { Budget } from './budget.ts';
import type { BudgetLimits, Holding, Shortage, Standing } from './budget.ts';
import { classify } from './classify.ts';
import type { Flow } from './classify.ts';
import { Dispatcher, EVENT_LOOP } from './dispatcher.ts';
import type { Turns } from './dispatcher.ts';
import { LEVELS } from './levels.ts';
import type { Level, LevelName } from './levels.ts';
import { passOf } from './pass.ts';
import type { Outlet, Pass } from './pass.ts';
import { ObjectCounts } from './object-counts.ts';
import { Unread } from './unread.ts';
import { seatsOf } from './work.ts';
import { MEBIBYTE } from '../../values/quantity.ts';

export interface GateLimits {
  readonly levels: Readonly<Record<LevelName, Level>>;
  /** Of bodies that have come, or are coming, and are not answered yet. */
  readonly bodyBytes: BudgetLimits;
  /** Of answers that their clients have not read yet. */
  readonly unreadBytes: BudgetLimits;
  readonly watches: BudgetLimits;
}

export const GATE_LIMITS: GateLimits = {
  levels: LEVELS,
  bodyBytes: { total: 96 * MEBIBYTE, ordinary: 64 * MEBIBYTE, perUser: 32 * MEBIBYTE },
  unreadBytes: { total: 96 * MEBIBYTE, ordinary: 64 * MEBIBYTE, perUser: 32 * MEBIBYTE },
  watches: { total: 10_000, ordinary: 7000, perUser: 5000 },
};

/** Levels whose own requests are not counted: they are few, and must not fail for what others hold. */
const UNCOUNTED: ReadonlySet<LevelName> = new Set(['system', 'leader-election']);

/** Of whom there may be many, and whom others must not suffer for. */
const ORDINARY: ReadonlySet<LevelName> = new Set(['workload-low', 'global-default', 'catch-all']);

const standingOf = (level: LevelName): Standing => (ORDINARY.has(level) ? 'ordinary' : 'privileged');

const FREE: Holding = { release() {} };

/** What is held at the moment, for whoever looks for the cause of a 429. */
export interface Load {
  /** Taken by requests that have begun. */
  readonly seats: number;
  readonly waiting: number;
  readonly bodyBytes: number;
  readonly unreadBytes: number;
  readonly watches: number;
  /** How many requests could not wait, or not long enough, since the start. */
  readonly refused: number;
}

export class Gate {
  readonly #limits: GateLimits;
  readonly #dispatcher: Dispatcher;
  readonly #bodies: Budget;
  readonly #unread: Unread;
  readonly #watches: Budget;
  readonly #counts: ObjectCounts;

  constructor(count: (prefix: string) => number, limits = GATE_LIMITS, turns: Turns = EVENT_LOOP) {
    this.#limits = limits;
    this.#dispatcher = new Dispatcher(limits.levels, turns);
    this.#bodies = new Budget(limits.bodyBytes);
    this.#unread = new Unread(limits.unreadBytes, () => turns.nowMs());
    this.#watches = new Budget(limits.watches);
    this.#counts = new ObjectCounts(count, () => turns.nowMs());
  }

  get load(): Load {
    const levels = Object.keys(this.#limits.levels) as LevelName[];
    return {
      seats: levels.reduce((sum, level) => sum + this.#dispatcher.seatsInUse(level), 0),
      waiting: this.#dispatcher.waiting,
      bodyBytes: this.#bodies.held,
      unreadBytes: this.#unread.bytes,
      watches: this.#watches.held,
      refused: this.#dispatcher.refused,
    };
  }

  /**
   * Takes the body in, then waits for a seat: a body that comes slowly holds up nobody. Throws 429 when the user, or
   * everybody together, has too much under way, and what reading the body throws.
   */
  async enter(asked: UserRequest, wanted: Attributes): Promise<Pass> {
    const flow = classify(asked.user, wanted);
    this.#dispatcher.requireRoom(flow);
    const watch = wanted.verb === 'watch' ? this.#holdWatch(flow) : FREE;
    let body = FREE;
    try {
      body = this.#holdBody(flow, asked.bodyBytesAtMost);
      const request = await withBody(asked);
      const seats = seatsOf(wanted, request.query, () => this.#objects(wanted));
      const seat = await this.#dispatcher.enter(flow, seats, request.gone);
      return passOf(request, seat, [watch, body], this.#outletOf(flow));
    } catch (error) {
      watch.release();
      body.release();
      throw error;
    }
  }

  #outletOf({ level, user }: Flow): Outlet {
    if (UNCOUNTED.has(level)) return UNCOUNTED_OUTLET;
    const reader = { user, standing: standingOf(level) };
    return {
      take: (bytes) => readable(this.#unread.take(reader, bytes), this.#limits.unreadBytes),
      hold: (bytes) => this.#unread.hold(reader, bytes),
      tell: (bytes, cut) => readable(this.#unread.tell(reader, bytes, cut), this.#limits.unreadBytes),
    };
  }

  #objects(wanted: Attributes): number {
    if ('path' in wanted) return 0;
    return this.#counts.of(keyPrefix({ group: wanted.group, plural: wanted.resource }, wanted.namespace));
  }

  #holdWatch({ level, user }: Flow): Holding {
    if (UNCOUNTED.has(level)) return FREE;
    const { total, ordinary, perUser } = this.#limits.watches;
    return held(this.#watches.take(user, 1, standingOf(level)), {
      user: `too many open watches: a user may have ${perUser}`,
      ordinary: `too many open watches: users together may have ${ordinary}`,
      total: `too many open watches: the server has ${total}`,
    });
  }

  #holdBody({ level, user }: Flow, bytes: number): Holding {
    if (bytes > MAX_BODY_BYTES) throw bodyTooLarge();
    if (bytes === 0 || UNCOUNTED.has(level)) return FREE;
    const { total, ordinary, perUser } = this.#limits.bodyBytes;
    return held(this.#bodies.take(user, bytes, standingOf(level)), {
      user: `too many request bodies at once: a user may have ${perUser} bytes under way`,
      ordinary: `too many request bodies at once: users together may have ${ordinary} bytes under way`,
      total: `too many request bodies at once: the server takes ${total} bytes`,
    });
  }
}

const UNCOUNTED_OUTLET: Outlet = { take: () => FREE, hold: () => FREE, tell: () => FREE };

const readable = (taken: Holding | Shortage, { perUser, ordinary, total }: BudgetLimits): Holding =>
  held(taken, {
    user: `too many answers that are not read: a user may leave ${perUser} bytes`,
    ordinary: `too many answers that are not read: users together may leave ${ordinary} bytes`,
    total: `too many answers that are not read: the server keeps ${total} bytes`,
  });

function held(taken: Holding | Shortage, messages: Readonly<Record<Shortage, string>>): Holding {
  if (typeof taken === 'string') throw tooManyRequests(`${messages[taken]}, please try again later`);
  return taken;
}

/** It may be asked for more than once. */
async function withBody(request: UserRequest): Promise<UserRequest> {
  const body = request.bodyBytesAtMost > 0 ? await request.body() : Buffer.alloc(0);
  return { ...request, body: () => Promise.resolve(body) };
}
