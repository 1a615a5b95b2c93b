import type { FaultKind } from '../fault-kinds.ts';
import type { ActionName } from '../meetings.ts';
import type { UserClient } from './client.ts';

/** Something that users do, from nothing but what the API server has at that moment. */
export interface Deed {
  /** @returns what was done; throws ApiError where it cannot be */
  does: (users: UserClient) => string;
  /** Actions that it makes likely, for worlds that are looking for one. */
  leadsTo: readonly ActionName[];
  /** Faults that find more to befall after it, for worlds that bring one of them about. */
  preparesFor?: readonly FaultKind[];
  /** Faults of which it shows whether they were coped with. */
  showsAfter?: readonly FaultKind[];
}
