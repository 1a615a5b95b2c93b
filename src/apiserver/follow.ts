import type { Store, Watch } from '../store/index.ts';
import { CompactedError } from '../store/index.ts';
import { decodeChange, decodeEntry } from './codec.ts';
import type { Logger } from './context.ts';
import type { KubeObject } from './object.ts';

/** What is made of the objects under a prefix, one change at a time. */
export interface Index {
  clear(): void;
  observe(current: KubeObject | undefined, previous: KubeObject | undefined): void;
}

export interface Feed {
  close(): Promise<void>;
}

/**
 * Keeps an index of the store's objects under a prefix. A change is in it before the next request is looked at: the
 * store wakes this watch in the turn of the commit that it acknowledges.
 */
export function follow(store: Store, prefix: string, index: Index, logger: Logger): Feed {
  const load = (): Watch => {
    index.clear();
    for (const entry of store.list(prefix).entries) index.observe(decodeEntry(entry), undefined);
    return store.watch(prefix, store.revision);
  };
  let watch = load();
  const run = async (): Promise<void> => {
    for (;;) {
      const changes = await watch.next();
      if (changes.length === 0) return;
      for (const change of changes) {
        const { current, previous } = decodeChange(change);
        index.observe(current, previous);
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
    logger.error({ err: error, prefix }, 'Changes of objects are not seen any more'),
  );
  return {
    close: async () => {
      watch.close();
      await running;
    },
  };
}
