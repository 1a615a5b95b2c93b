import type { Logger } from 'pino';
import type { Clock } from '../clock/clock.ts';
import type { ExecutionContext, Executor } from '../kinds/executor.ts';
import { executors } from '../kinds/execute-registry.ts';
import type { HostAction, HostActionName } from '../plan/actions.ts';
import type { OrderResult } from '../plan/snapshot.ts';
import { type Claim, KeyedLocks } from '../queue/locks.ts';
import { isLongCopy, type Order, readOrder } from '../queue/order.ts';
import type { OrdersOfHost } from '../queue/orders.ts';
import type { createVerifier } from '../queue/signature.ts';
import { describeFailure, explainByFullDisk, type Failure } from './failure.ts';
import type { Fence } from './fence.ts';
import type { Observer, PartName } from './observer.ts';
import { Turns } from './turns.ts';

export interface OrderDeskOptions {
  orders: OrdersOfHost;
  verify: ReturnType<typeof createVerifier>;
  sealingPrivateKey: string;
  fence: Fence;
  observer: Observer;
  context: Omit<ExecutionContext, 'signal'>;
  clock: Clock;
  logger: Logger;
}

/** A newer order took the place of the one that a copy was made for. */
class Superseded extends Error {
  override readonly name = 'Superseded';
}

/** What was thrown, which may be anything. */
interface Failed {
  error: unknown;
}

type Opened = { order: Order } | { refused: Omit<OrderResult, 'atSequence'> };

/** Deals with one order at a time per object: reads it, checks it, carries it out, and says how it ended. */
export class OrderDesk {
  readonly #options: OrderDeskOptions;
  readonly #locks = new KeyedLocks();
  readonly #turns: Turns;
  /** UID → the copy that runs for it. */
  readonly #copies = new Map<string, { orderId: string; abort: AbortController }>();

  constructor(options: OrderDeskOptions) {
    this.#options = options;
    this.#turns = new Turns({ hypervisor: options.context.hypervisor, clock: options.clock });
  }

  /** Waits for nothing any more; what runs is left to run. */
  close(): void {
    this.#turns.close();
  }

  /**
   * Deals with whatever stands for the UID, under the locks of everything that it touches.
   *
   * @throws when the work was interrupted; the order stands then and is dealt with again
   */
  async handle(uid: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      const record = await this.#options.orders.read(uid);
      if (record === undefined) return;
      const opened = this.#open(uid, record);
      const claim = 'order' in opened ? claimOf(opened.order) : { exclusive: [uid] };
      const dealtWith = await this.#locks.holding(claim, async () => {
        // While this waited for the locks a newer order may have come, which touches other things.
        if ((await this.#options.orders.read(uid)) !== record) return false;
        signal.throwIfAborted();
        if ('order' in opened) await this.#carryOut(opened.order, record, signal);
        else await this.#refuse(uid, record, opened.refused);
        return true;
      });
      if (dealtWith) return;
    }
  }

  /** Called when an order was written: a copy for an older one is cut short. */
  async interrupt(uid: string): Promise<void> {
    const copy = this.#copies.get(uid);
    if (!copy) return;
    const record = await this.#options.orders.read(uid);
    const opened = record === undefined ? undefined : this.#open(uid, record);
    if (!opened || !('order' in opened) || opened.order.orderId === copy.orderId) return;
    if (this.#options.fence.check(opened.order)) return;
    copy.abort.abort(new Superseded('a newer order stands for this object'));
  }

  /** Looks again at every copy that runs; for when announcements may have been missed. */
  async interruptAll(): Promise<void> {
    await Promise.all([...this.#copies.keys()].map((uid) => this.interrupt(uid)));
  }

  #open(uid: string, record: string): Opened {
    const { verify, sealingPrivateKey } = this.#options;
    const refused = (reason: string, message: string): Opened => ({
      refused: { orderId: '', action: '', outcome: 'refused', reason, message, retryable: true },
    });
    const payload = verify('order', record);
    if (payload === undefined) return refused('BadSignature', 'the order was not signed by the controller');
    try {
      const order = readOrder(payload, sealingPrivateKey);
      if (order.uid !== uid) return refused('BadOrder', `an order for ${order.uid} stands here`);
      if (!Object.hasOwn(executors, order.action.name)) {
        return refused('UnknownAction', `this agent knows no ${order.action.name}; upgrade it`);
      }
      return { order };
    } catch (error) {
      return refused('BadOrder', `the order cannot be read: ${describeFailure(error).message}`);
    }
  }

  async #refuse(uid: string, record: string, result: Omit<OrderResult, 'atSequence'>): Promise<void> {
    const { logger, observer } = this.#options;
    const { action, orderId, reason, message } = result;
    logger.warn({ uid, action, reason, because: message }, 'order refused');
    await this.#remove(uid, record, orderId);
    observer.recordResult(uid, result);
  }

  /** Before the result is known to anybody, so that what is planned from the result is never removed with it. */
  async #remove(uid: string, record: string, orderId: string): Promise<void> {
    const { logger, orders } = this.#options;
    try {
      await orders.remove(uid, record, orderId);
    } catch (error) {
      // Redis is away. Should the order still stand when it is back, its basis is stale, and it is refused.
      logger.warn({ uid, because: describeFailure(error).message }, 'order not removed');
    }
  }

  async #carryOut(order: Order, record: string, signal: AbortSignal): Promise<void> {
    const { fence, observer, logger } = this.#options;
    const { uid, kind, namespace, name, action, orderId } = order;
    const busy = fence.check(order) ? undefined : await this.#turn(order);
    const refusal = fence.check(order);
    if (refusal) {
      const result = { orderId, action: action.name, outcome: 'refused', retryable: true } as const;
      return this.#refuse(uid, record, { ...result, ...refusal });
    }
    const log = logger.child({ uid, kind, namespace, name, action: action.name, orderId });
    const startedAt = performance.now();
    log.debug('begun');
    // An order that cannot be recorded must not take effect: somebody has to hear of it, so it has failed.
    const notAdmitted = busy ?? failureOf(() => fence.admit(order));
    let failure = notAdmitted ?? (await this.#attempt(order, signal));
    await observer.refresh(touchedParts(action.name), uid);
    if (!notAdmitted) this.#recordEnd(order);
    if (action.name.endsWith('.delete')) failure ??= failureOf(() => fence.recordRemoval(order));
    if (failure && interrupted(failure.error)) return this.#breakOff(order, failure.error, log);
    const result = failure
      ? { outcome: 'failed' as const, ...(await this.#explain(failure.error)) }
      : { outcome: 'done' as const };
    await this.#tell(order, record, { ...result, ...(!notAdmitted && this.#provesThatEarlierEnded(order)) });
    if (action.name === 'machine.delete' && !failure) this.#turns.forget(uid);
    const durationMs = Math.round(performance.now() - startedAt);
    if (failure) log.warn({ durationMs, ...result }, 'failed');
    else log.info({ durationMs }, 'done');
  }

  /** There is no result that would tell that it ended. @throws where it stands, to be carried out again */
  #breakOff(order: Order, reason: unknown, log: Logger): void {
    const { fence, observer } = this.#options;
    observer.publish();
    fence.recordEffect(order, observer.sequence);
    log.warn({ because: describeFailure(reason).message }, 'interrupted');
    if (!(reason instanceof Superseded)) throw reason;
  }

  /** Says how an order ended, which stands no more. */
  async #tell(
    order: Order,
    record: string,
    ended: Omit<OrderResult, 'orderId' | 'action' | 'atSequence'>,
  ): Promise<void> {
    const { fence, observer } = this.#options;
    const { uid, orderId, action } = order;
    await this.#remove(uid, record, orderId);
    fence.recordEffect(order, observer.recordResult(uid, { orderId, action: action.name, ...ended }));
  }

  async #explain(error: unknown): Promise<Failure> {
    const { storage } = this.#options.context;
    return explainByFullDisk(describeFailure(error), () =>
      storage.list().then(
        ({ freeBytes }) => freeBytes,
        () => undefined,
      ),
    );
  }

  /** @returns why it is not this order's turn, if it is not */
  async #turn({ action, uid }: Order): Promise<Failed | undefined> {
    try {
      await this.#turns.awaitTurn(action.name, uid);
      return undefined;
    } catch (error) {
      return { error };
    }
  }

  /** An order to which the hypervisor gave no answer has not ended before it cannot have an effect any more. */
  #recordEnd(order: Order): void {
    const { fence, observer } = this.#options;
    const { action, uid } = order;
    if (this.#turns.isAfterAllBefore(action.name, uid)) return fence.recordEnd(order);
    this.#turns.whenSettled(uid, () => {
      void observer.refresh(touchedParts(action.name), uid).then(() => {
        fence.recordEnd(order);
        observer.publish();
      });
    });
  }

  /** What tells everybody that none of an earlier generation can have an effect any more. */
  #provesThatEarlierEnded({
    action,
    uid,
    generation,
    epoch,
  }: Order): Pick<OrderResult, 'generation' | 'epoch'> {
    return this.#turns.isAfterAllBefore(action.name, uid) ? { generation, epoch } : {};
  }

  /** @returns what went wrong, if anything did */
  async #attempt(order: Order, signal: AbortSignal): Promise<Failed | undefined> {
    const { uid, generation, installationUid, orderId, action } = order;
    const copy = isLongCopy(action.name) ? { orderId, abort: new AbortController() } : undefined;
    if (copy) this.#copies.set(uid, copy);
    const context = {
      ...this.#options.context,
      signal: copy ? AbortSignal.any([signal, copy.abort.signal]) : signal,
    };
    try {
      if (copy) await this.interrupt(uid); // it may have been announced before the copy was known
      context.signal.throwIfAborted();
      await execute(action, context, { uid, generation, installationUid });
      return undefined;
    } catch (error) {
      this.#turns.noteFailure(action.name, uid, error);
      return { error: context.signal.aborted ? context.signal.reason : error };
    } finally {
      if (copy) this.#copies.delete(uid);
    }
  }
}

/**
 * The object is changed by its own orders alone, one at a time; what else an order names it only stands on. Realising
 * a Subnet takes nothing away from those who stand on it, so guests may start meanwhile.
 */
function claimOf({ uid, action, lock }: Order): Claim {
  const turn = `turn/${uid}`;
  if (action.name === 'subnet.realise') return { exclusive: [turn], shared: lock };
  return { exclusive: [turn, uid], shared: lock };
}

/** Calls the executor of the action's name. */
async function execute<Name extends HostActionName>(
  action: Extract<HostAction, { name: Name }>,
  context: ExecutionContext,
  owner: { uid: string; generation: number; installationUid: string },
): Promise<void> {
  const executor = executors[action.name] as unknown as Executor<Name>;
  await executor(action.arguments as Parameters<Executor<Name>>[0], context, owner);
}

/** The parts of the host that look different afterwards. */
function touchedParts(name: HostActionName): PartName[] {
  switch (name) {
    case 'image.import':
    case 'image.delete':
    case 'disk.create':
    case 'disk.grow':
    case 'disk.delete':
    case 'disk.retain':
      return ['storage'];
    case 'subnet.realise':
    case 'subnet.delete':
      return ['network'];
    case 'machine.define':
      return ['domains', 'storage'];
    case 'machine.connect':
    case 'machine.start':
      return ['domains', 'network'];
    case 'machine.requestShutdown':
    case 'machine.withdrawShutdown':
    case 'machine.powerOff':
      return ['domains'];
    case 'machine.reconfigure':
    case 'machine.delete':
      return ['domains', 'network', 'storage'];
  }
}

function failureOf(work: () => void): Failed | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return { error };
  }
}

/** The order was not dealt with: it stands, or another one does. */
const interrupted = (error: unknown): boolean =>
  error instanceof Error && ['Superseded', 'LockLost', 'WorkerClosing'].includes(error.name);
