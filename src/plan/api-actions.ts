/** A Kubernetes object as the loop handles it: metadata in full, the rest by its kind's own types. */
export interface ObjectReference {
  kind: string;
  namespace?: string;
  name: string;
  uid: string;
}

/**
 * Writes that the controller makes itself; each is one request with UID and resourceVersion preconditions, so that
 * a stale plan cannot do harm.
 */
export type ApiAction =
  | { name: 'api.addFinalizer'; finalizer: string }
  | { name: 'api.releaseFinalizer'; finalizer: string }
  /** Bind (a Placement), allocate (an IPAddress) or make a templated child; a name taken is a conflict, seen next time. */
  | { name: 'api.createChild'; child: ChildObject }
  | { name: 'api.deleteChild'; child: ObjectReference }
  /** Gives a Disk made from a template the size that the template has now, at exactly the version planned from. */
  | { name: 'api.growChild'; child: ObjectReference & { resourceVersion: string }; size: string | number }
  /** Makes the Subnet's network its own; decided one after another on a live list, so that one of two overlapping gets it. */
  | { name: 'api.holdNetwork' }
  /** Records the Host that will hold an unclaimed Disk (its own status, at the version planned from). */
  | { name: 'api.bindDisk'; hostName: string }
  /** Sets or clears `status.claim` (and the host) of a Disk, at exactly the version that was planned from. */
  | {
      name: 'api.claimDisk';
      disk: ObjectReference & { resourceVersion: string };
      claim: { machineName: string; machineUid: string; hostName: string } | 'release';
    };

export interface ChildObject {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    labels?: Record<string, string>;
    finalizers?: string[];
    ownerReferences?: { apiVersion: string; kind: string; name: string; uid: string; controller: boolean }[];
  };
  spec: Record<string, unknown>;
}
