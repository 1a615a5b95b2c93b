import type { Cancel, Clock } from '../clock/clock.ts';
import type { Hypervisor } from '../host/libvirt/hypervisor-port.ts';
import type { HostActionName } from '../plan/actions.ts';

export interface TurnsOptions {
  hypervisor: Pick<Hypervisor, 'settle'>;
  clock: Clock;
}

/** How soon a domain with which the hypervisor is still busy is looked at again. */
const lookAgainMs = 5_000;

/**
 * What a hypervisor was asked and has not answered, it may still do, when its caller has given up or is dead. So an
 * order about a domain comes after all before it only when the domain has been settled: once in the life of an agent,
 * which does not know what an earlier one asked, and after every call without an answer.
 */
export class Turns {
  readonly #options: TurnsOptions;
  /** Domains of which the hypervisor has nothing in hand but what is being carried out. */
  readonly #settled = new Set<string>();
  /** Whom to tell, by domain, once it is settled. */
  readonly #waiting = new Map<string, (() => void)[]>();
  readonly #later = new Set<Cancel>();
  #closed = false;

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  /** Whether an order of this name, when it ends, ends after every earlier one for the domain. */
  isAfterAllBefore(name: HostActionName, uid: string): boolean {
    return !isAboutDomain(name) || this.#settled.has(uid);
  }

  /**
   * Resolves when it is the turn of an order of this name.
   *
   * @throws while the hypervisor is busy with something that was asked of the domain before
   */
  async awaitTurn(name: HostActionName, uid: string): Promise<void> {
    if (!isAboutDomain(name) || outOfTurn.has(name) || this.#settled.has(uid)) return;
    await this.#options.hypervisor.settle(uid);
    this.#settled.add(uid);
  }

  /** An order failed: a call that got no answer leaves its domain unsettled. */
  noteFailure(name: HostActionName, uid: string, error: unknown): void {
    if (isAboutDomain(name) && isUnanswered(error)) this.#settled.delete(uid);
  }

  /** The domain is gone. */
  forget(uid: string): void {
    this.#settled.delete(uid);
  }

  /** Calls back when nothing is under way any more of what was asked of the domain until now. */
  whenSettled(uid: string, callback: () => void): void {
    const waiting = this.#waiting.get(uid);
    if (waiting) {
      waiting.push(callback);
      return;
    }
    this.#waiting.set(uid, [callback]);
    void this.#look(uid);
  }

  /** Looks no more. */
  close(): void {
    this.#closed = true;
    for (const cancel of this.#later) cancel();
  }

  async #look(uid: string): Promise<void> {
    // Who comes while this looks may have asked for something since.
    const told = this.#waiting.get(uid)?.splice(0) ?? [];
    try {
      await this.#options.hypervisor.settle(uid);
    } catch {
      this.#waiting.get(uid)?.unshift(...told);
      return this.#lookLater(uid);
    }
    for (const callback of told) callback();
    if ((this.#waiting.get(uid) ?? []).length > 0) return this.#look(uid);
    this.#waiting.delete(uid);
  }

  #lookLater(uid: string): void {
    if (this.#closed) return;
    const cancel = this.#options.clock.after(lookAgainMs, () => {
      this.#later.delete(cancel);
      void this.#look(uid);
    });
    this.#later.add(cancel);
  }
}

/** What a guest that hangs is dealt with by: it must not wait for what the guest keeps from ending. */
const outOfTurn: ReadonlySet<HostActionName> = new Set<HostActionName>([
  'machine.requestShutdown',
  'machine.withdrawShutdown',
  'machine.powerOff',
]);

const isAboutDomain = (name: HostActionName): boolean => name.startsWith('machine.');

/** By name, as with every failure of a port: the hypervisor was asked, or may have been, and did not say how it went. */
const isUnanswered = (error: unknown): boolean =>
  error instanceof Error && ['LibvirtTimeout', 'LibvirtUnavailable'].includes(error.name);
