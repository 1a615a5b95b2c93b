import { type ObjectMeta, deleting, hasFinalizer } from '../resources/metadata.ts';
import type { HostAction } from './actions.ts';
import type { HostView } from './kind.ts';
import { type Outcome, act, waiting } from './outcome.ts';

/** Held by every object that may have left something on a host; released when the hosts have proved it gone. */
export const FINALIZER = 'purlin.dev/cleanup';

/** First step of every kind: nothing is made on a host before the finalizer protects it. */
export function claimFinalizer(object: { metadata: ObjectMeta }): Outcome | undefined {
  if (deleting(object) || hasFinalizer(object, FINALIZER)) return undefined;
  return act(
    { on: 'api', action: { name: 'api.addFinalizer', finalizer: FINALIZER } },
    { reason: 'Adopting', because: 'deletion must wait until the hosts are clean', adopts: true },
  );
}

export const releaseFinalizer = (because: string): Outcome =>
  act(
    { on: 'api', action: { name: 'api.releaseFinalizer', finalizer: FINALIZER } },
    { reason: 'Released', because },
  );

/**
 * Removes what an object may have on the given hosts, one after the other. A host counts as clean only when it has
 * recorded the removal itself: the record also refuses any older order that is still on its way there.
 */
export function removeFrom(
  hosts: readonly HostView[],
  uid: string,
  removal: { action: HostAction; lock: string[]; because: string },
): Outcome | undefined {
  for (const host of hosts) {
    if (host.snapshot === 'unknown')
      return waiting('HostUnknown', `a complete snapshot of host ${host.name}`, 5_000);
    if (uid in host.snapshot.removed) continue;
    return act(
      { on: 'host', hostName: host.name, action: removal.action, lock: removal.lock },
      { reason: 'Removing', because: removal.because },
    );
  }
  return undefined;
}
