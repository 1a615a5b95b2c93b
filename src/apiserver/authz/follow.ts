import type { Store, Watch } from '../../store/index.ts';
import { CompactedError } from '../../store/index.ts';
import { decodeChange, decodeEntry } from '../codec.ts';
import type { Logger } from '../context.ts';
import { PolicyIndex, RBAC_GROUP } from './policy.ts';
import type { Policy } from './policy.ts';

export interface PolicyFeed {
  readonly policy: Policy;
  close(): Promise<void>;
}

const PREFIX = `/registry/${RBAC_GROUP}/`;

/**
 * Keeps an index of the store's roles and bindings. A change is in it before the next request is looked at: the
 * store wakes this watch in the turn of the commit that it acknowledges.
 */
export function followPolicy(store: Store, logger: Logger): PolicyFeed {
  const policy = new PolicyIndex();
  const load = (): Watch => {
    policy.clear();
    for (const entry of store.list(PREFIX).entries) policy.observe(decodeEntry(entry), undefined);
    return store.watch(PREFIX, store.revision);
  };
  let watch = load();
  const run = async (): Promise<void> => {
    for (;;) {
      const changes = await watch.next();
      if (changes.length === 0) return;
      for (const change of changes) {
        const { current, previous } = decodeChange(change);
        policy.observe(current, previous);
      }
    }
  };
  /** Having fallen behind compaction, it begins anew from the present state. */
  const runForever = (): Promise<void> =>
    run().catch((error: unknown) => {
      if (!(error instanceof CompactedError)) throw error;
      watch.close();
      watch = load();
      return runForever();
    });
  const running = runForever().catch((error: unknown) =>
    logger.error({ err: error }, 'Changes of roles are not seen any more'),
  );
  return {
    policy,
    close: async () => {
      watch.close();
      await running;
    },
  };
}
