import type { KindDefinition, Reader } from '../plan/kind.ts';
import { acquireLeadership } from '../reconcile/leader.ts';
import { startLoop } from '../reconcile/loop.ts';
import type { Logger } from '../telemetry/logger.ts';
import { SimulatedApi } from './api-client.ts';
import type { ApiStore } from './api-store.ts';
import type { ControllerWatch } from './controller-watch.ts';
import type { Faults } from './faults.ts';
import type { SimulatedQueue } from './queue.ts';
import type { Process } from './scheduler.ts';
import type { Underway } from './underway.ts';

const ANNOUNCE_MS = 5_000;

export interface ControllerWorld {
  store: ApiStore;
  queue: SimulatedQueue;
  faults: Faults;
  kinds: readonly KindDefinition[];
  installationUid: string;
  process: Process;
  watch: ControllerWatch;
  underway: Underway;
  /** Told of the objects as it sees them, when its loop runs. */
  onLeading: (objects: Reader) => void;
  logger: Logger;
}

/**
 * One replica of the controllers: the production election and loop over the simulated API and queue. It dies when it
 * loses the lease or when anything goes wrong before the loop runs, as the production process does.
 */
export async function runController(world: ControllerWorld): Promise<void> {
  const { queue, kinds, installationUid, process, watch, logger } = world;
  const client = new SimulatedApi(world);
  watch.forgets(process);
  const mirror = queue.mirrorFor(process, (agentUid, incarnation) =>
    watch.believes(process, agentUid, incarnation),
  );
  await mirror.connect();
  const leadership = await acquireLeadership(
    {
      client,
      clock: process.clock,
      namespace: 'purlin-system',
      identity: process.name,
      reportedEpoch: () => Math.max(0, ...mirror.hosts().map(({ snapshot }) => snapshot?.epoch ?? 0)),
      onLost: () => process.kill(),
      logger,
    },
    new AbortController().signal,
  );
  const { epoch } = leadership;
  watch.leads(process, epoch);
  const announce = (): void => {
    process.clock.after(ANNOUNCE_MS, announce);
    if (!queue.announceEpoch(epoch)) process.kill();
  };
  await process.step(`announces epoch ${epoch}`);
  announce();
  const orders = queue.ordersFor(process);
  const { clock } = process;
  const loop = await startLoop({
    kinds,
    client,
    clock,
    mirror,
    orders,
    installationUid,
    leadership,
    onSuperseded: () => process.kill(),
    logger,
  });
  // It may have found at once that its time is over.
  if (process.alive) world.onLeading(loop.objects);
}
