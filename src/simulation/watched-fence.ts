import { Fence } from '../agent/fence.ts';
import type { Order } from '../queue/order.ts';
import type { HostActionName } from '../plan/actions.ts';
import { InvariantBroken } from './invariant.ts';

/** What one host has done so far, as somebody remembers who is not its agent. */
export class HostChronicle {
  epoch = 0;
  /** UID → the latest generation that took effect, with its epoch. */
  readonly generations = new Map<string, { epoch: number; generation: number }>();
}

/**
 * The production fence under watch: it decides, and what it lets through is compared with what the host has seen. An
 * order that takes effect although something later has is a broken promise, whatever comes of it.
 */
export class WatchedFence extends Fence {
  readonly #chronicle: HostChronicle;
  readonly #incarnation: string;
  readonly #effects = new Map<string, number>();
  readonly #underway = new Map<string, { action: HostActionName; end: () => void }>();
  readonly #begin: (action: HostActionName) => () => void;
  readonly #onBroken: (broken: InvariantBroken) => void;

  constructor(
    options: ConstructorParameters<typeof Fence>[0],
    chronicle: HostChronicle,
    onBroken: (broken: InvariantBroken) => void,
    begin: (action: HostActionName) => () => void,
  ) {
    super(options);
    this.#begin = begin;
    this.#chronicle = chronicle;
    this.#incarnation = options.incarnation;
    this.#onBroken = onBroken;
  }

  /** What is being carried out for an object. */
  underway(uid: string): HostActionName | undefined {
    return this.#underway.get(uid)?.action;
  }

  override acceptEpoch(epoch: number): boolean {
    const accepted = super.acceptEpoch(epoch);
    this.#chronicle.epoch = Math.max(this.#chronicle.epoch, epoch);
    return accepted;
  }

  override admit(order: Order): void {
    const what = `${order.action.name} for ${order.kind} ${order.name}`;
    for (const [invariant, broken] of this.#promises(order)) {
      if (broken) this.#onBroken(new InvariantBroken(invariant, what));
    }
    this.#chronicle.generations.set(order.uid, order);
    const { name: action } = order.action;
    this.#underway.set(order.uid, { action, end: this.#begin(action) });
    super.admit(order);
  }

  override recordEffect(order: Order, sequence: number): void {
    this.#underway.get(order.uid)?.end();
    this.#underway.delete(order.uid);
    this.#effects.set(order.uid, sequence);
    super.recordEffect(order, sequence);
  }

  #promises(order: Order): [string, boolean][] {
    const { epoch, generations } = this.#chronicle;
    const before = generations.get(order.uid);
    return [
      ['no effect of an older epoch', order.epoch < epoch],
      ['a leader waits until a host obeys it', order.epoch > epoch],
      [
        'no effect of an older generation',
        before?.epoch === order.epoch && order.generation < before.generation,
      ],
      ['no effect planned before the agent was restarted', order.incarnation !== this.#incarnation],
      ['no effect planned before the last one', order.basis < (this.#effects.get(order.uid) ?? 0)],
      ['one effect at a time on an object', this.#underway.has(order.uid)],
    ];
  }
}
