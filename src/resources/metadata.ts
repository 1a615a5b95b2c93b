/** The parts of ObjectMeta that Purlin reads and writes (Kubernetes API conventions, "Metadata"). */
export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid: string;
  resourceVersion: string;
  generation: number;
  creationTimestamp: string;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
}

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** Any object of the API: what the kind-agnostic loop needs to know of it. */
export interface Resource {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  spec?: unknown;
  status?: unknown;
}

export const API_VERSION = 'purlin.dev/v1alpha1';

export const deleting = (object: { metadata: ObjectMeta }): boolean =>
  object.metadata.deletionTimestamp !== undefined;

export const hasFinalizer = (object: { metadata: ObjectMeta }, finalizer: string): boolean =>
  object.metadata.finalizers?.includes(finalizer) ?? false;

/** `namespace/name`, or `name` for a cluster-scoped object: the key of caches and work queues. */
export const keyOf = ({ metadata }: { metadata: { name: string; namespace?: string } }): string =>
  metadata.namespace ? `${metadata.namespace}/${metadata.name}` : metadata.name;

/**
 * An owner reference by which the garbage collector removes a child with `owner`; foreground deletion of the owner
 * waits until the child is gone (Kubernetes documentation, "Foreground cascading deletion").
 */
export const ownerReference = (
  owner: Resource,
): OwnerReference & { controller: boolean; blockOwnerDeletion: boolean } => ({
  apiVersion: owner.apiVersion,
  kind: owner.kind,
  name: owner.metadata.name,
  uid: owner.metadata.uid,
  controller: true,
  blockOwnerDeletion: true,
});

export const ownedBy = (object: { metadata: ObjectMeta }, ownerUid: string): boolean =>
  object.metadata.ownerReferences?.some(({ uid }) => uid === ownerUid) ?? false;
