/** Where a transition takes place: a whole installation, real or simulated, that a user changes and looks at. */
import type { Machine } from '../../src/resources/kinds.ts';
import type { Actor } from './cast.ts';
import type { Cluster } from './oracle/cluster.ts';
import type { HostPicture } from './oracle/picture.ts';
import type { Sources } from './oracle/sources.ts';

export type Rest = 'silent' | 'orders go on';

/** What the API said to a change. */
export type Answer =
  | { accepted: true }
  | { accepted: false; code: number; message: string /** that `details.causes` names */; fields: string[] };

export interface Ground {
  /** How often a world that is not as it should be may be given more time: what fails may be tried again late. */
  readonly patience: number;
  /** Makes the object, or gives it this body in place of what it has. */
  apply(actor: Actor): Promise<Answer>;
  /** Asks for deletion; resolves before the object is gone. */
  delete(kind: string, name: string): Promise<void>;
  /**
   * Resolves when nothing happens any more, or when nothing but orders that change nothing, as of what fails.
   * @throws when something is written on and on
   */
  rest(): Promise<Rest>;
  /** The objects of this moment, for whoever need not know what the host has. */
  readonly cluster: Cluster;
  /** At rest: what is still at work may be gone while it is looked at. */
  look(): Promise<Sight>;
  /** What was done since the last call: writes to objects of ours, and orders to the host, one line each. */
  deeds(): string[];
}

/** Everything that can be seen at one moment. */
export interface Sight {
  /** Machines that are bound to the Host beside those of the cluster. */
  boundElsewhere: readonly Machine[];
  cluster: Cluster;
  picture: HostPicture;
  /** What Images could be made from. */
  sources: Sources;
}
