import type { ApiAction, ObjectReference } from '../plan/api-actions.ts';
import type { Resource } from '../resources/metadata.ts';
import { type Api, isConflict, isNotFound } from './api.ts';
import type { Informers } from './informers.ts';

/**
 * Carries out one api action with the preconditions of what was planned from. A conflict is no failure: somebody was
 * faster, the cache gets the newer state, and the object is planned again.
 *
 * @returns whether it was carried out
 */
export async function performApiAction(
  object: Resource,
  action: ApiAction,
  { client, informers }: { client: Api; informers: Informers },
): Promise<boolean> {
  const type = informers.typeOf(object.kind);
  const { uid, resourceVersion, finalizers = [] } = object.metadata;
  const unchanged = { uid, resourceVersion };
  try {
    switch (action.name) {
      case 'api.addFinalizer': {
        const metadata = { ...unchanged, finalizers: [...finalizers, action.finalizer] };
        informers.put(await client.patch(type, object.metadata, { metadata }));
        return true;
      }
      case 'api.releaseFinalizer': {
        const metadata = { ...unchanged, finalizers: finalizers.filter((each) => each !== action.finalizer) };
        const answer = await client.patch<Resource>(type, object.metadata, { metadata });
        // The last finalizer gone, the object is gone too; its deletion comes with the watch.
        if ((answer.metadata?.finalizers ?? []).length > 0) informers.put(answer);
        return true;
      }
      case 'api.createChild': {
        const { child } = action;
        informers.put(await client.create(informers.typeOf(child.kind), child.metadata.namespace, child));
        return true;
      }
      case 'api.deleteChild': {
        const { child } = action;
        await client.delete(informers.typeOf(child.kind), child, child.uid);
        return true;
      }
      case 'api.growChild': {
        const { child, size } = action;
        const patch = {
          metadata: { uid: child.uid, resourceVersion: child.resourceVersion },
          spec: { size },
        };
        informers.put(await client.patch(informers.typeOf(child.kind), child, patch));
        return true;
      }
      case 'api.holdNetwork': {
        const patch = { metadata: unchanged, status: { networkHeld: true } };
        informers.put(await client.patch(type, object.metadata, patch, 'status'));
        return true;
      }
      case 'api.bindDisk': {
        const patch = { metadata: unchanged, status: { hostName: action.hostName } };
        informers.put(await client.patch(type, object.metadata, patch, 'status'));
        return true;
      }
      case 'api.claimDisk': {
        const { disk, claim } = action;
        const status =
          claim === 'release'
            ? { claim: null }
            : {
                claim: { machineName: claim.machineName, machineUid: claim.machineUid },
                hostName: claim.hostName,
              };
        const patch = { metadata: { uid: disk.uid, resourceVersion: disk.resourceVersion }, status };
        informers.put(await client.patch(informers.typeOf('Disk'), disk, patch, 'status'));
        return true;
      }
    }
  } catch (error) {
    if (!isConflict(error) && !isNotFound(error)) throw error;
    await refresh(object, action, client, informers);
    return false;
  }
}

/** Reads what the action was about anew, so that the next plan does not repeat it from the same stale cache. */
async function refresh(
  object: Resource,
  action: ApiAction,
  client: Api,
  informers: Informers,
): Promise<void> {
  const target = targetOf(object, action);
  try {
    informers.put(await client.get(informers.typeOf(target.kind), target));
  } catch (error) {
    if (!isNotFound(error)) throw error;
    if (target.uid !== undefined) informers.forget(target.kind, target.uid);
  }
}

/** The object that an action writes to; one that is yet to be made has no UID. */
function targetOf(
  { kind, metadata }: Resource,
  action: ApiAction,
): Omit<ObjectReference, 'uid'> & { uid?: string } {
  switch (action.name) {
    case 'api.createChild': {
      const { namespace, name } = action.child.metadata;
      return { kind: action.child.kind, name, ...(namespace !== undefined && { namespace }) };
    }
    case 'api.growChild':
      return action.child;
    case 'api.claimDisk':
      return action.disk;
    case 'api.addFinalizer':
    case 'api.releaseFinalizer':
    case 'api.deleteChild':
    case 'api.holdNetwork':
    case 'api.bindDisk':
      return { kind, ...metadata };
  }
}
