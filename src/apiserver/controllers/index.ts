/** The controllers that are part of the API server itself: they see every change of every object. */
import { decodeChange, decodeEntry } from '../codec.ts';
import type { ApiContext } from '../context.ts';
import type { KubeObject } from '../object.ts';
import { CleanupController } from '../crd/cleanup.ts';
import { CompactedError } from '../../store/index.ts';
import type { Watch } from '../../store/index.ts';
import { startEventExpiry } from './event-expiry.ts';
import { GarbageCollector } from './garbage-collector.ts';
import { NamespaceDefaults } from './namespace-defaults.ts';
import { NamespaceController } from './namespaces.ts';
import { PolicyStatus } from './policy-status.ts';
import { QuotaController } from './quotas.ts';
import { RoleAggregation } from './role-aggregation.ts';
import { TokenSecrets } from './token-secrets.ts';
import type { TokenSecretParts } from './token-secrets.ts';

export interface Controllers {
  close(): Promise<void>;
}

const EVERYTHING = '/registry/';

interface Controller extends Controllers {
  observe(key: string, current: KubeObject | undefined, previous: KubeObject | undefined): void;
}

export function startControllers(context: ApiContext, access: TokenSecretParts): Controllers {
  const controllers: Controller[] = [
    new GarbageCollector(context),
    new NamespaceController(context),
    new NamespaceDefaults(context, access.caPem),
    new TokenSecrets(context, access),
    new RoleAggregation(context),
    new CleanupController(context),
    new QuotaController(context),
    new PolicyStatus(context),
  ];
  const stopExpiry = startEventExpiry(context);
  let watch: Watch;
  let closed = false;

  const observe = (key: string, current: KubeObject | undefined, previous: KubeObject | undefined): void => {
    for (const controller of controllers) controller.observe(key, current, previous);
  };
  const run = async (): Promise<void> => {
    watch = context.store.watch(EVERYTHING, context.store.revision);
    for (const entry of context.store.list(EVERYTHING).entries) {
      const object = decodeEntry(entry);
      observe(entry.key, object, undefined);
    }
    for (;;) {
      const changes = await watch.next();
      if (changes.length === 0) return;
      for (const change of changes) {
        const { current, previous } = decodeChange(change);
        observe(change.key, current, previous);
      }
    }
  };
  /** Having fallen behind compaction, they begin anew from the present state. */
  const runForever = async (): Promise<void> => {
    while (!closed) {
      await run().catch((error: unknown) => {
        if (!(error instanceof CompactedError)) throw error;
      });
    }
  };
  const running = runForever().catch((error: unknown) =>
    context.logger.error({ err: error }, 'Controllers stopped'),
  );

  return {
    close: async () => {
      closed = true;
      watch.close();
      stopExpiry();
      await Promise.all([running, ...controllers.map((controller) => controller.close())]);
    },
  };
}
