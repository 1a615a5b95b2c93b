import type { WantedCondition } from '../resources/conditions.ts';
import type { Resource } from '../resources/metadata.ts';
import type { Found, LookupKind, LookupOf } from './lookups.ts';
import type { Outcome } from './outcome.ts';
import type { HostSnapshot } from './snapshot.ts';

/** A host as the controllers see it now. */
export interface HostView {
  name: string;
  /** There is a Host object: nothing is made on a host without one. */
  registered: boolean;
  /** Its agent's heartbeat is fresh. */
  alive: boolean;
  snapshot: HostSnapshot | 'unknown';
  /** It is unknown because a part of the host cannot be listed. */
  incomplete: boolean;
}

/** Synchronous reading of caches; what is missing here may still exist (caches lag), which plans must allow for. */
export interface Reader {
  get<Kind extends Resource>(
    kind: Kind['kind'],
    namespace: string | undefined,
    name: string,
  ): Kind | undefined;
  list<Kind extends Resource>(kind: Kind['kind'], namespace?: string): Kind[];
  /** Those that a lookup finds under the value. */
  find<Kind extends LookupKind>(kind: Kind, by: LookupOf<Kind>, value: string): Found<Kind>[];
  /** Namespace and name, as in {@link Watch}, of the object of the kind that has this UID. */
  keyOfUid(kind: string, uid: string): string | undefined;
  hosts(): HostView[];
}

/** How the last attempt at exactly the planned action failed. */
export interface Failure {
  reason: string;
  message: string;
  /** False when only a change of the spec, or of what it names, can help. */
  retryable: boolean;
}

/** What a kind wants written into its status; a member that is undefined is removed. */
export interface WantedStatus {
  conditions: WantedCondition[];
  fields: Record<string, unknown>;
}

/** Names the objects of this kind that a change of another object concerns. */
export interface Watch {
  kind: string;
  /** What of it matters beside that it is there; all of it, unless told. */
  reads?(object: Resource): unknown;
  keys(changed: Resource, reader: Reader): string[];
}

/** For a {@link Watch} to which nothing matters of an object but that it is there. */
export const existence = (): unknown => undefined;

/** One kind, as the kind-agnostic loop drives it. */
export interface KindDefinition<Kind extends Resource = Resource, Input = unknown> {
  kind: Kind['kind'];
  plural: string;
  watches: Watch[];
  /** Further objects that a change of some owners' parts on a host concerns; the owners themselves always are. */
  alsoConcerns?(changedUids: ReadonlySet<string>, reader: Reader, hostName: string): string[];
  /** Reads everything that plan and status need, and nothing else does I/O. */
  gather(object: Kind, reader: Reader): Input;
  plan(input: Input): Outcome;
  status(input: Input, outcome: Outcome, failure: Failure | undefined): WantedStatus;
}
