import type { Resource } from '../resources/metadata.ts';

/** A Kubernetes `Status` failure. */
export class ApiError extends Error {
  readonly code: number;
  readonly reason: string;
  constructor(code: number, reason: string, message: string) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
    this.reason = reason;
  }
}

export const isNotFound = (error: unknown): boolean => error instanceof ApiError && error.code === 404;
export const isConflict = (error: unknown): boolean => error instanceof ApiError && error.code === 409;

/** Which collection: `{ group: 'purlin.dev', version: 'v1alpha1', plural: 'machines' }`; the core group is ''. */
export interface ResourceType {
  group: string;
  version: string;
  plural: string;
}

export interface ObjectPath {
  namespace?: string | undefined;
  name: string;
}

export interface ResourceList<Kind extends Resource> {
  items: Kind[];
  resourceVersion: string;
}

export interface WatchEvent<Kind extends Resource> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: Kind;
}

/** What controllers ask of a Kubernetes API. Every call may fail with an ApiError, or with another error when no answer came. */
export interface Api {
  get<Kind extends Resource>(type: ResourceType, path: ObjectPath): Promise<Kind>;
  list<Kind extends Resource>(type: ResourceType): Promise<ResourceList<Kind>>;
  create<Kind extends Resource>(
    type: ResourceType,
    namespace: string | undefined,
    object: object,
  ): Promise<Kind>;
  /** JSON merge patch; put `metadata.resourceVersion` and `metadata.uid` into it to make them preconditions. */
  patch<Kind extends Resource>(
    type: ResourceType,
    path: ObjectPath,
    patch: object,
    subresource?: 'status',
  ): Promise<Kind>;
  replace<Kind extends Resource>(type: ResourceType, path: ObjectPath, object: object): Promise<Kind>;
  delete(type: ResourceType, path: ObjectPath, uid: string): Promise<void>;
  /** Events from `resourceVersion` on, until the server ends the stream or `signal` aborts. */
  watch<Kind extends Resource>(
    type: ResourceType,
    resourceVersion: string,
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent<Kind>>;
}
