import type { HostActionName } from '../plan/actions.ts';
import type { ApiAction } from '../plan/api-actions.ts';
import { executors } from '../kinds/execute-registry.ts';
import { type FaultKind, faultKinds } from './fault-kinds.ts';

export type ActionName = HostActionName | ApiAction['name'];

export const hostActions = Object.keys(executors) as HostActionName[];

/** Total over the union, so that a new one does not compile without a place in the table. */
const apiActionNames: Record<ApiAction['name'], true> = {
  'api.addFinalizer': true,
  'api.releaseFinalizer': true,
  'api.createChild': true,
  'api.deleteChild': true,
  'api.growChild': true,
  'api.holdNetwork': true,
  'api.bindDisk': true,
  'api.claimDisk': true,
};

export const apiActions = Object.keys(apiActionNames) as ApiAction['name'][];

/** Faults that befall one request of a controller. */
const ofRequests: readonly FaultKind[] = ['request lost', 'request late', 'answer lost'];

/** Faults that befall one order, on its way to its host or while it is carried out there. */
const ofOrders: readonly FaultKind[] = [
  'doorbell lost',
  'doorbell repeated',
  'lock lost',
  'effect fails before',
  'effect fails after',
  'effect hangs',
  'agent crash before an effect',
  'agent crash after an effect',
];

/** Faults that befall one call to libvirt. */
const ofHypervisorCalls: readonly FaultKind[] = ['effect comes late'];

/**
 * To connect a guest asks for something of libvirt only where its tap was lost; a disk that a guest has open grows
 * through libvirt, though its order names no domain.
 */
const hypervisorActions = hostActions.filter(
  (name) => (name.startsWith('machine.') && name !== 'machine.connect') || name === 'disk.grow',
);

/** Whether a fault is one of a step of some action, and meets no other action that is under way then. */
export const befallsSteps = (fault: FaultKind): boolean =>
  [ofRequests, ofOrders, ofHypervisorCalls].some((kinds) => kinds.includes(fault));

/** The actions that a fault can meet: those of its own path, or whatever is under way when it comes from outside. */
export function actionsMetBy(fault: FaultKind): readonly ActionName[] {
  if (ofRequests.includes(fault)) return apiActions;
  if (ofOrders.includes(fault)) return hostActions;
  if (ofHypervisorCalls.includes(fault)) return hypervisorActions;
  return [...hostActions, ...apiActions];
}

/** Every fault with every action that it can meet: what a campaign of seeds has to have seen. */
export const allMeetings: readonly { fault: FaultKind; action: ActionName }[] = faultKinds.flatMap((fault) =>
  actionsMetBy(fault).map((action) => ({ fault, action })),
);

/** How often each fault came while each action was under way. */
export class Meetings {
  readonly #counts = new Map<string, number>();

  count(fault: FaultKind, action: ActionName): number {
    return this.#counts.get(`${fault}/${action}`) ?? 0;
  }

  add(fault: FaultKind, action: ActionName): void {
    this.#counts.set(`${fault}/${action}`, this.count(fault, action) + 1);
  }

  /** @param entries as {@link entries} gives them */
  addAll(entries: readonly [string, number][]): void {
    for (const [key, count] of entries) this.#counts.set(key, (this.#counts.get(key) ?? 0) + count);
  }

  /** As `[fault/action, count]`, for a report that is read again. */
  entries(): [string, number][] {
    return [...this.#counts];
  }
}
