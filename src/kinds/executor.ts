import type { Hypervisor } from '../host/libvirt/hypervisor-port.ts';
import type { Network } from '../host/ports/network.ts';
import type { Storage } from '../host/ports/storage.ts';
import type { HostActionName, HostActions } from '../plan/actions.ts';
import { bringBack } from '../plan/redirected.ts';

/** What an executor may use: the ports of its host, and facts that never change while the agent runs. */
export interface ExecutionContext {
  hypervisor: Hypervisor;
  network: Network;
  storage: Storage;
  /** Aborts when the work is no longer this agent's, or a newer order stands. Stops child work, never a guest. */
  signal: AbortSignal;
  /** Milliseconds since the host was started. */
  uptimeMs: () => number;
  host: { accelerator: 'KVM' | 'TCG'; cpus: number };
}

/** The object that an action is for. Paths and names on the host come from its UID alone. */
export interface Owner {
  uid: string;
  generation: number;
  installationUid: string;
}

/**
 * Brings about the action's target state: looks first, acts, verifies, and decides nothing. Repeating it, and
 * repeating it after a crash at any point, is harmless.
 *
 * @throws an error with `reason` and `retryable` where it has more to say than its message
 */
export type Executor<Name extends HostActionName> = (
  wanted: HostActions[Name],
  context: ExecutionContext,
  owner: Owner,
) => Promise<void>;

/** The executors of some actions; total over the names that it is given. */
export type Executors<Names extends HostActionName> = { [Name in Names]: Executor<Name> };

/** An action that must not, or cannot, be carried out now. */
export class ExecutionError extends Error {
  override readonly name = 'ExecutionError';
  readonly reason: string;
  readonly retryable: boolean;

  /** @param reason a CamelCase word for a condition */
  constructor(reason: string, message: string, options: { retryable: boolean }) {
    super(message);
    this.reason = reason;
    this.retryable = options.retryable;
  }
}

/** The disk of a guest goes on in another file than Purlin made; the planner waits until it is back. */
export const diskRedirected = (machineUid: string, disk: { target: string; path: string }): ExecutionError =>
  new ExecutionError('DiskRedirected', bringBack(machineUid, { ...disk, redirectedTo: disk.path }), {
    retryable: true,
  });

/** Somebody still uses what was to go; the planner waits for that, so this is a race that resolves itself. */
export const inUse = (what: string, users: readonly string[]): ExecutionError =>
  new ExecutionError('InUse', `${what} is in use by ${users.join(', ')}`, { retryable: true });
