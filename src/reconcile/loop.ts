import type { Clock } from '../clock/clock.ts';
import type { KindDefinition, Reader } from '../plan/kind.ts';
import type { HostSnapshot } from '../plan/snapshot.ts';
import type { Mirror } from '../queue/observation-mirror.ts';
import type { OrderBook } from '../queue/orders.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Api } from './api.ts';
import { Controller } from './controller.ts';
import { Dispatcher } from './dispatch.ts';
import { EventRecorder } from './events.ts';
import { HostRegistrar } from './host-registrar.ts';
import { Hosts } from './hosts.ts';
import { Informers } from './informers.ts';
import type { Leadership } from './leader.ts';
import { Settling } from './settling.ts';

export interface LoopOptions {
  kinds: readonly KindDefinition[];
  client: Api;
  clock: Clock;
  mirror: Mirror;
  orders: Pick<OrderBook, 'put'>;
  installationUid: string;
  /** The leadership for which the loop runs. */
  leadership: Pick<Leadership, 'epoch' | 'certain' | 'settling' | 'settled'>;
  /** A host obeys a later leader: this one can do nothing there any more, and must end. */
  onSuperseded: (reason: string) => void;
  logger: Logger;
}

export interface Loop {
  hosts: Hosts;
  /** The objects as the loop sees them. */
  objects: Reader;
  /** Takes up nothing more; resolves when nothing is in work. */
  close(): Promise<void>;
}

/**
 * Everything that a leader runs: informers, the controller of all kinds, and the registration of hosts. Resolves when
 * every collection has been listed.
 *
 * @param signal rejects when it aborts before that
 */
export async function startLoop(options: LoopOptions, signal?: AbortSignal): Promise<Loop> {
  const { kinds, client, clock, mirror, orders, installationUid, leadership, onSuperseded, logger } = options;
  const { epoch } = leadership;
  const mayAct = (): boolean => leadership.certain();
  let listed = false;
  const hosts = new Hosts(mirror, () => epoch);
  const registered = (): string[] => informers.list('Host').map(({ metadata }) => metadata.name);
  const informers: Informers = new Informers({
    client,
    clock,
    kinds,
    hosts: () => hosts.views(registered()),
    listener: (object, before, deleted) => {
      // What is not listed yet is not absent: nothing is planned before everything is there, and then all of it is.
      if (!listed) return;
      controller.objectChanged(object, before, deleted);
      if (object.kind === 'Host' && (deleted || !before)) {
        // Whoever deletes the Host of an agent that is there has it registered again; otherwise the host is gone.
        if (deleted) {
          settling.giveUp(object.metadata.name);
          registrar.notice();
        }
        controller.enqueueAll();
      }
    },
    logger,
  });
  const controller = new Controller({
    kinds,
    client,
    clock,
    informers,
    dispatcher: new Dispatcher({ orders, installationUid, epoch: () => epoch, clock }),
    events: new EventRecorder({ client, clock, logger }),
    snapshotOf: (hostName) => hosts.snapshotOf(hostName),
    mayAct,
    waitsFor: () => settling.waitsFor,
    logger,
  });
  const settling = new Settling({
    leadership,
    claimed: mirror.hosts().map(({ hostName }) => hostName),
    registered,
    sightOf: (hostName) => hosts.sightOf(hostName),
    adopts: () => controller.adopts,
    onSettled: () => controller.enqueueAll(),
    clock,
    logger,
  });
  await informers.start(signal);
  listed = true;

  const registrar = new HostRegistrar({
    seen: () => [
      ...mirror.hosts().flatMap(({ hostName, alive }) => (alive ? [hostName] : [])),
      ...settling.unseen,
    ],
    isRegistered: (hostName) => informers.get('Host', undefined, hostName) !== undefined,
    mayAct,
    client,
    clock,
    logger,
  });
  const checkEpoch = (hostName: string, snapshot: HostSnapshot | undefined): void => {
    if (snapshot && snapshot.epoch > epoch)
      onSuperseded(`host ${hostName} obeys epoch ${snapshot.epoch}, and that of this leader is ${epoch}`);
  };
  const stopListening = mirror.onChange((hostName, changed) => {
    const snapshot = mirror.get(hostName);
    if (snapshot !== 'unknown') checkEpoch(hostName, snapshot);
    if (changed === 'all') registrar.notice();
    settling.look();
    controller.hostChanged(hostName, changed);
  });
  for (const { hostName, snapshot } of mirror.hosts()) checkEpoch(hostName, snapshot);
  registrar.notice();
  settling.look();
  controller.enqueueAll();
  return {
    hosts,
    objects: informers,
    close: async () => {
      registrar.close();
      settling.close();
      stopListening();
      await controller.close();
      await informers.stop();
    },
  };
}
