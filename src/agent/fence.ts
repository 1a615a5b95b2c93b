import { isLongCopy, type Order } from '../queue/order.ts';
import { DataDirectoryTaken, type FenceBook } from './fence-book.ts';

/** Who may give orders here: fixed by the first start, and by nobody else afterwards. */
export interface Trust {
  installationUid: string;
  /** Ed25519, SubjectPublicKeyInfo, PEM */
  controllerPublicKey: string;
}

/** Why an order was refused; `reason` goes into the result. */
export interface Refusal {
  reason: 'ForeignInstallation' | 'WrongHost' | 'StaleEpoch' | 'StaleGeneration' | 'StaleBasis';
  message: string;
}

/**
 * What must outlive the agent so that a late or repeated order cannot do harm: the highest epoch, the highest
 * generation of each object, and what was removed. Each fact is on disk before the effect that it guards.
 * Generations are compared within one epoch only: a later leader has read the API anew, and where the API's store was
 * restored from a backup its generations are lower and yet right.
 * Bases need no disk: a basis of another incarnation is refused anyway.
 */
export class Fence {
  readonly #book: FenceBook;
  readonly #incarnation: string;
  readonly #agentUid: string;
  readonly #now: () => number;
  /** UID → sequence of the snapshot that shows the last effect of its own orders. */
  readonly #effects = new Map<string, number>();
  /** UID or digest → the same for orders of others that stand on it. */
  readonly #touches = new Map<string, number>();
  /** What was let through and has not ended; the same order twice when the queue gave it to somebody again. */
  readonly #inWork = new Set<Order>();
  #epoch: number;
  /** Read again from the book after a change. */
  #removed: Record<string, number> | undefined;
  readonly trust: Trust;

  /** @throws DataDirectoryTaken */
  constructor(options: {
    book: FenceBook;
    agentUid: string;
    incarnation: string;
    trust: Trust;
    now: () => number;
  }) {
    this.#book = options.book;
    this.#incarnation = options.incarnation;
    this.#agentUid = options.agentUid;
    this.#now = options.now;
    this.trust = this.#settleTrust(options.trust);
    this.#epoch = Number(this.#book.fact('epoch') ?? 0);
  }

  /** The highest epoch that was accepted. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Nothing that an earlier leader ordered is being carried out, but for long copies. */
  get earlierOrdersEnded(): boolean {
    return [...this.#inWork].every(({ epoch }) => epoch === this.#epoch);
  }

  /** @returns whether it is now the accepted one */
  acceptEpoch(epoch: number): boolean {
    if (epoch < this.#epoch) return false;
    if (epoch > this.#epoch) this.#book.setFact('epoch', String(epoch));
    this.#epoch = epoch;
    return true;
  }

  /** Looks without remembering anything. */
  check(order: Order): Refusal | undefined {
    if (order.installationUid !== this.trust.installationUid) {
      return refusal('ForeignInstallation', `the order is of installation ${order.installationUid}`);
    }
    if (order.hostUid !== this.#agentUid)
      return refusal('WrongHost', `the order is for agent ${order.hostUid}`);
    if (order.epoch < this.#epoch) {
      return refusal('StaleEpoch', `epoch ${order.epoch} is over; ${this.#epoch} was accepted`);
    }
    const admitted = this.#book.admitted(order.uid);
    if (order.epoch === admitted?.epoch && order.generation < admitted.generation) {
      return refusal('StaleGeneration', `generation ${order.generation} came after ${admitted.generation}`);
    }
    if (order.incarnation !== this.#incarnation) {
      return refusal('StaleBasis', 'the agent was restarted since the order was planned');
    }
    const effect = this.#lastEffect(order);
    if (order.basis < effect) {
      return refusal(
        'StaleBasis',
        `planned from snapshot ${order.basis}; the last effect shows in ${effect}`,
      );
    }
    return undefined;
  }

  /** Remembers an order that is about to take effect; from now on nothing older can. */
  admit(order: Order): void {
    this.acceptEpoch(order.epoch);
    this.#book.admit(order.uid, order);
    if (!isLongCopy(order.action.name)) this.#inWork.add(order);
    if (this.#removed && order.uid in this.#removed) this.#removed = undefined;
  }

  /** What the order did has been listed since; nothing more comes of it. */
  recordEnd(order: Order): void {
    this.#inWork.delete(order);
  }

  /** The effect on everything that the order touched shows in the snapshot of this sequence. */
  recordEffect(order: Order, sequence: number): void {
    this.#effects.set(order.uid, sequence);
    for (const key of order.lock) this.#touches.set(key, sequence);
  }

  recordRemoval(order: Order): void {
    this.#book.recordRemoval(order.uid, order.generation, this.#now());
    this.#removed = undefined;
  }

  /** UID → generation at which nothing of it was left here. */
  removed(): Record<string, number> {
    this.#removed ??= this.#book.removals();
    return this.#removed;
  }

  close(): void {
    this.#book.close();
  }

  /**
   * A destruction must also have been planned after everybody else's effects on the object: they may use it now.
   * Anything else would only wait in vain while others come and go on it.
   */
  #lastEffect({ uid, action }: Order): number {
    const own = this.#effects.get(uid) ?? 0;
    return action.name.endsWith('.delete') ? Math.max(own, this.#touches.get(uid) ?? 0) : own;
  }

  #settleTrust(given: Trust): Trust {
    const settled = this.#book.fact('trust');
    if (settled === undefined) {
      this.#book.setFact('trust', JSON.stringify(given));
      return given;
    }
    const trust = JSON.parse(settled) as Trust;
    if (
      trust.installationUid === given.installationUid &&
      trust.controllerPublicKey === given.controllerPublicKey
    ) {
      return trust;
    }
    throw new DataDirectoryTaken(
      `this host obeys installation ${trust.installationUid} and its key; it was started for ` +
        `${given.installationUid}${trust.installationUid === given.installationUid ? ' with another key' : ''}. ` +
        'Use another data directory, or move this one away to give the host up',
    );
  }
}

const refusal = (reason: Refusal['reason'], message: string): Refusal => ({ reason, message });
