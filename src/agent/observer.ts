import { type Cancel, type Clock, every } from '../clock/clock.ts';
import type { DomainListing } from '../host/libvirt/hypervisor-port.ts';
import type { NetworkSnapshot, OrderResult, StorageSnapshot } from '../plan/snapshot.ts';
import type { Publisher } from '../queue/observations.ts';
import type { Fence } from './fence.ts';
import { Part } from './part.ts';
import type { AgentPorts } from './ports.ts';
import { assembleSnapshot, type HostIdentity, nextShutdownDue } from './snapshot.ts';
import { UnpluggedTaps } from './unplugged.ts';

export type PartName = 'domains' | 'network' | 'storage';

export interface ObserverOptions {
  host: HostIdentity;
  ports: AgentPorts;
  fence: Fence;
  publisher: Publisher;
  clock: Clock;
  onError: (error: unknown) => void;
}

/** Events are the rule; this is the net under them. */
const fullListingMs = 10 * 60_000;

/** Results beyond this number go, oldest first: they are news, not truth. */
const resultsKept = 2_000;

/** Keeps the one snapshot of this host, fed by events, and hands every change to the publisher. */
export class Observer {
  readonly #options: ObserverOptions;
  readonly #domains: Part<DomainListing>;
  readonly #network: Part<NetworkSnapshot>;
  readonly #storage: Part<StorageSnapshot>;
  readonly #results = new Map<string, OrderResult>();
  readonly #stoppers: (() => void)[] = [];
  readonly #unplugged = new UnpluggedTaps();
  #freeBytes = 0;
  #nextDue: Cancel | undefined;

  constructor(options: ObserverOptions) {
    this.#options = options;
    const { hypervisor, network, storage } = options.ports;
    const { onError, clock } = options;
    const onListed = (): void => {
      try {
        this.publish();
      } catch (error) {
        onError(error);
      }
    };
    const hooks = { onListed, onError, clock };
    this.#domains = new Part({
      list: () => hypervisor.listDomains(),
      relist: (listing, uuid) => relistDomain(hypervisor, listing, uuid),
      ...hooks,
    });
    this.#network = new Part({ list: () => network.list(), ...hooks });
    this.#storage = new Part({ list: () => storage.list(), ...hooks });
  }

  /** Resolves after the first listing of everything; listens before it lists, so that nothing falls in between. */
  async start(): Promise<void> {
    const { hypervisor, network, storage } = this.#options.ports;
    this.#stoppers.push(
      hypervisor.onChange(
        (change) => void this.#domains.refresh(change.kind === 'domain' ? change.uuid : 'all'),
      ),
      network.watch(() => void this.#network.refresh()),
      storage.watch(() => void this.#storage.refresh()),
      every(this.#options.clock, fullListingMs, () => void this.refresh()),
    );
    await this.refresh();
  }

  /**
   * Lists the named parts (all, unless told otherwise) after this call; failures show as an incomplete snapshot.
   *
   * @param domainUuid look at this domain only; any other change of domains comes as an event
   */
  async refresh(
    parts: readonly PartName[] = ['domains', 'network', 'storage'],
    domainUuid = 'all',
  ): Promise<void> {
    const looks: Record<PartName, () => Promise<void>> = {
      domains: () => this.#domains.refresh(domainUuid),
      network: () => this.#network.refresh(),
      storage: () => this.#storage.refresh(),
    };
    await Promise.all(parts.map((name) => looks[name]()));
  }

  /**
   * Adds how an order ended to the snapshot.
   *
   * @returns the sequence of the snapshot that shows it, and with it everything listed before
   */
  recordResult(uid: string, result: Omit<OrderResult, 'atSequence'>): number {
    const atSequence = this.#options.publisher.sequence + 1;
    this.#results.delete(uid); // so that it becomes the newest
    this.#results.set(uid, { ...result, atSequence });
    const oldest = this.#results.keys().next();
    if (this.#results.size > resultsKept && !oldest.done) this.#results.delete(oldest.value);
    this.publish();
    return atSequence;
  }

  /** Sequence of the newest snapshot. */
  get sequence(): number {
    return this.#options.publisher.sequence;
  }

  /** Puts the snapshot together and publishes what changed, if anything did. */
  publish(): void {
    const { host, fence, ports, publisher, clock, onError } = this.#options;
    const uptimeMs = clock.uptimeMs();
    this.#unplugged.look(this.#domains.value, this.#network.value, uptimeMs);
    const content = assembleSnapshot(
      host,
      {
        domains: this.#domains.value,
        network: this.#network.value,
        storage: this.#steadyStorage(),
        complete: this.#domains.known && this.#network.known && this.#storage.known,
        epoch: fence.epoch,
        earlierOrdersEnded: fence.earlierOrdersEnded,
        results: this.#results,
        removed: fence.removed(),
        unplugged: this.#unplugged.settled(uptimeMs),
        uptimeMs,
      },
      (diskUid) => ports.storage.diskPath(diskUid),
    );
    if (publisher.update(content) === 'changed') void publisher.push().catch(onError);
    this.#publishWhenDue(uptimeMs);
  }

  /** The end of a period is no event of the host: it is told when its time has come. */
  #publishWhenDue(uptimeMs: number): void {
    this.#nextDue?.();
    const shutdown = nextShutdownDue(this.#domains.value?.domains ?? [], uptimeMs);
    const due = Math.min(shutdown ?? Infinity, this.#unplugged.nextDue(uptimeMs) ?? Infinity);
    if (due === Infinity) return;
    this.#nextDue = this.#options.clock.after(due - uptimeMs, () => this.publish());
  }

  async stop(): Promise<void> {
    this.#nextDue?.();
    for (const stop of this.#stoppers.splice(0)) stop();
    await Promise.all([this.#domains, this.#network, this.#storage].map((part) => part.stop()));
  }

  /** Free space moves all the time; only a move of 1/128 of the whole is news. */
  #steadyStorage(): StorageSnapshot | undefined {
    const listed = this.#storage.value;
    if (!listed) return undefined;
    if (Math.abs(listed.freeBytes - this.#freeBytes) >= listed.totalBytes / 128) {
      this.#freeBytes = listed.freeBytes;
    }
    return { ...listed, freeBytes: this.#freeBytes };
  }
}

/** @returns nothing for a domain that is not ours: only a full listing counts those */
async function relistDomain(
  hypervisor: AgentPorts['hypervisor'],
  listing: DomainListing,
  uuid: string,
): Promise<DomainListing | undefined> {
  const others = listing.domains.filter((domain) => domain.uuid !== uuid);
  const found = await hypervisor.findDomain(uuid);
  if (found) return { ...listing, domains: [...others, found] };
  return others.length < listing.domains.length ? { ...listing, domains: others } : undefined;
}
