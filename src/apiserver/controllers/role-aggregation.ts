import { aggregateRoles } from '../authz/bootstrap.ts';
import type { ApiContext } from '../context.ts';
import type { KubeObject } from '../object.ts';
import { WorkQueue } from './work-queue.ts';

/** Keeps the rules of ClusterRoles with an `aggregationRule` as those of the roles that it selects. */
export class RoleAggregation {
  readonly #queue: WorkQueue;

  constructor(context: ApiContext) {
    this.#queue = new WorkQueue(() => aggregateRoles(context), context.logger);
  }

  close(): Promise<void> {
    return this.#queue.close();
  }

  /** Hears of every change of every object, in order. */
  observe(_key: string, current: KubeObject | undefined, previous: KubeObject | undefined): void {
    // Any of them may be part of any other.
    if ((current ?? previous)?.kind === 'ClusterRole') this.#queue.add('all');
  }
}
