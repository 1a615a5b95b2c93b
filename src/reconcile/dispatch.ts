import type { Clock } from '../clock/clock.ts';
import type { HostStep } from '../plan/outcome.ts';
import type { Failure } from '../plan/kind.ts';
import type { HostSnapshot, OrderResult } from '../plan/snapshot.ts';
import type { Resource } from '../resources/metadata.ts';
import { type Order, type OrderBook, orderId } from '../queue/orders.ts';

/** What became of the planned step: sent, under way, or to be tried again later. */
export type Dispatch =
  | { state: 'sent' }
  | { state: 'underway'; recheckMs: number }
  | { state: 'failed'; failure: Failure; recheckMs: number };

interface Sent {
  orderId: string;
  generation: number;
  basis: number;
  incarnation: string;
  atMs: number;
}

interface Attempts {
  orderId: string;
  count: number;
  /** Sequence of the result last counted, so that one answer is counted once. */
  countedAt: number;
}

/** An order unanswered for this long is sent again: Redis may have been flushed, or the agent restarted. */
const RESEND_MS = 15_000;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;
/** An effect that lasted for this long, and twice as long as the last delay, was no failure in disguise. */
const HELD_MS = 10_000;
/** Nothing but a change of the spec or of the outside can help; looked at seldom, for the outside's sake. */
const HOPELESS_RETRY_MS = 300_000;

/**
 * Turns planned host steps into orders, one standing per object. Remembers only what it sent and how often it was needed;
 * forgetting all of it costs a repeated, harmless order.
 */
export class Dispatcher {
  readonly #orders: Pick<OrderBook, 'put'>;
  readonly #installationUid: string;
  readonly #epoch: () => number;
  readonly #clock: Clock;
  readonly #sent = new Map<string, Sent>();
  readonly #attempts = new Map<string, Attempts>();

  constructor(options: {
    orders: Pick<OrderBook, 'put'>;
    installationUid: string;
    epoch: () => number;
    clock: Clock;
  }) {
    this.#clock = options.clock;
    this.#orders = options.orders;
    this.#installationUid = options.installationUid;
    this.#epoch = options.epoch;
  }

  /** Forgets an object that is gone. */
  forget(uid: string): void {
    this.#sent.delete(uid);
    this.#attempts.delete(uid);
  }

  /** How the planned step failed at its last attempt, if it did and nothing has been tried since. */
  failureOf(object: Resource, step: HostStep, snapshot: HostSnapshot): Failure | undefined {
    const result = snapshot.results[object.metadata.uid];
    if (result?.outcome !== 'failed' || result.orderId !== idOf(object, step)) return undefined;
    return {
      reason: result.reason ?? 'Failed',
      message: result.message ?? `${result.action} failed`,
      retryable: result.retryable ?? true,
    };
  }

  /** Sends the step as an order, unless it is under way or has to wait after a failure. */
  async dispatch(object: Resource, step: HostStep, snapshot: HostSnapshot): Promise<Dispatch> {
    const nowMs = this.#clock.monotonicMs();
    const { uid } = object.metadata;
    const id = idOf(object, step);
    const sent = this.#sent.get(uid);
    const result = snapshot.results[uid];
    const generation = object.metadata.generation ?? 1;
    const answered = sent !== undefined && result?.orderId === sent.orderId && result.atSequence > sent.basis;
    // What shows of a step before its result is half an effect: a next step planned from that would only be refused.
    // A changed spec does not wait: its order may cut a long copy short.
    const current = sent?.generation === generation && sent.incarnation === snapshot.incarnation;
    if (current && !answered && nowMs - sent.atMs < RESEND_MS) {
      return { state: 'underway', recheckMs: RESEND_MS - (nowMs - sent.atMs) };
    }
    const failure = this.failureOf(object, step, snapshot);
    if (sent && result?.orderId === id) {
      const sinceMs = nowMs - sent.atMs;
      const recheckMs = this.#delayAfter(uid, result, sinceMs) - sinceMs;
      if (recheckMs > 0)
        return failure ? { state: 'failed', failure, recheckMs } : { state: 'underway', recheckMs };
    }
    const written = await this.#orders.put(this.#order(object, step, snapshot, id));
    if (written === 'superseded') return { state: 'underway', recheckMs: 1_000 };
    this.#sent.set(uid, {
      orderId: id,
      generation,
      basis: snapshot.sequence,
      incarnation: snapshot.incarnation,
      atMs: nowMs,
    });
    return failure ? { state: 'failed', failure, recheckMs: RESEND_MS } : { state: 'sent' };
  }

  /**
   * How long after it was sent the same step is sent again. One that was done and is needed again at once (a guest
   * that crashes while it boots) slows down like one that fails, but for its first repetition: drift heals promptly.
   */
  #delayAfter(
    uid: string,
    { orderId: id, outcome, retryable, atSequence }: OrderResult,
    sinceMs: number,
  ): number {
    if (outcome === 'failed' && retryable === false) return HOPELESS_RETRY_MS;
    const before = this.#attempts.get(uid);
    const attempts = before?.orderId === id ? before : { orderId: id, count: 0, countedAt: -1 };
    if (attempts.countedAt !== atSequence) {
      if (outcome === 'done' && sinceMs > HELD_MS + 2 * backoff(attempts.count)) attempts.count = 0;
      attempts.count += 1;
      attempts.countedAt = atSequence;
    }
    this.#attempts.set(uid, attempts);
    return backoff(outcome === 'failed' ? attempts.count : attempts.count - 1);
  }

  #order(object: Resource, step: HostStep, snapshot: HostSnapshot, id: string): Order {
    const { uid, namespace, name, generation } = object.metadata;
    return {
      orderId: id,
      installationUid: this.#installationUid,
      hostUid: snapshot.agentUid,
      uid,
      kind: object.kind,
      ...(namespace ? { namespace } : {}),
      name,
      generation: generation ?? 1,
      epoch: this.#epoch(),
      incarnation: snapshot.incarnation,
      basis: snapshot.sequence,
      action: step.action,
      lock: [...new Set(step.lock)].sort(),
      issuedAt: this.#clock.now(),
    };
  }
}

const backoff = (count: number): number =>
  count <= 0 ? 0 : Math.min(FIRST_RETRY_MS * 2 ** (count - 1), LAST_RETRY_MS);

const idOf = (object: Resource, step: HostStep): string =>
  orderId({ action: step.action, uid: object.metadata.uid, generation: object.metadata.generation ?? 1 });
