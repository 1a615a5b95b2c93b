import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { LibvirtConnection } from './connection.ts';
import { DomainReader } from './domain-reader.ts';
import {
  type DiskSpec,
  type DomainConfig,
  type DomainMetadata,
  type DomainSpec,
  domainName,
  type InterfaceSpec,
  isDisk,
  metadataNamespace,
  metadataPrefix,
} from './domain-spec.ts';
import {
  buildDiskXml,
  buildDomainXml,
  buildInterfaceXml,
  buildMetadataXml,
  diskReferenceXml,
  interfaceReferenceXml,
} from './domain-xml.ts';
import { grantAccess } from './guest-files.ts';
import {
  DeviceConflict,
  DeviceNotReleased,
  type DomainListing,
  type Hypervisor,
  type HypervisorChange,
  type ObservedDomain,
  type ShutdownRequest,
} from './hypervisor-port.ts';
import { refByUuid } from './rpc/domain-ref.ts';
import { isLibvirtError, LibvirtTimeout } from './rpc/error.ts';
import type { DomainEvent } from './rpc/events.ts';
import { procedures } from './rpc/procedures.ts';

/** The hypervisor behind a libvirt connection, restricted to the domains of one installation. */
export class LibvirtHypervisor implements Hypervisor {
  readonly #connection: LibvirtConnection;
  readonly #domains: DomainReader;
  readonly #guestLogDirectory: string | undefined;
  /**
   * Requests to shut down that QEMU has not answered: it hangs, and libvirt writes nothing about such a guest. To forget
   * them with this process does no harm, the guest is asked again.
   */
  readonly #unanswered = new Map<string, ShutdownRequest>();

  /** @param options.guestLogDirectory where libvirt writes QEMU's own messages, which it never removes itself */
  constructor(
    connection: LibvirtConnection,
    installationUid: string,
    options: { guestLogDirectory?: string } = {},
  ) {
    this.#connection = connection;
    this.#guestLogDirectory = options.guestLogDirectory;
    this.#domains = new DomainReader(connection, installationUid);
  }

  async listDomains(): Promise<DomainListing> {
    const { domains, foreign } = await this.#domains.list();
    return { domains: domains.map((domain) => this.#withUnanswered(domain)), foreign };
  }

  async findDomain(uuid: string): Promise<ObservedDomain | undefined> {
    const domain = await this.#domains.find(uuid);
    return domain && this.#withUnanswered(domain);
  }

  /**
   * libvirt makes one change of a domain at a time: this one changes nothing, and has its turn after all before it. Aside,
   * because it may wait for as long as a guest hangs.
   */
  async settle(uuid: string): Promise<void> {
    const seen = await this.#domains.own(uuid);
    if (seen === undefined) return;
    const { config, live, metadata } = seen;
    const element = metadataElement((config ?? live)?.metadata ?? metadata);
    const { domainSetMetadata } = procedures;
    const affects = config ? affectConfig : affectLive;
    await unlessStopped(
      this.#connection.callAside(turnTimeoutMs, domainSetMetadata, refByUuid(uuid), element, affects),
    );
  }

  async defineDomain(spec: DomainSpec): Promise<void> {
    await this.#domains.own(spec.uuid);
    await this.#connection.call(procedures.domainDefineXmlFlags, buildDomainXml(spec), 0);
  }

  async startDomain(uuid: string): Promise<void> {
    const seen = await this.#domains.own(uuid);
    if (seen?.power === 'running') return;
    if (seen?.power === 'paused') {
      if (seen.pauseCause !== 'passing')
        await this.#connection.call(procedures.domainResume, refByUuid(uuid));
      return;
    }
    await grantAccess((seen?.saved ?? seen?.config)?.disks ?? []);
    try {
      await this.#connection.callWithin(startTimeoutMs, procedures.domainCreateWithFlags, refByUuid(uuid), 0);
    } catch (error) {
      // Somebody else started it in between.
      if (isLibvirtError(error, 'OPERATION_INVALID') && (await this.#domains.live(uuid)) !== undefined)
        return;
      throw error;
    }
  }

  async requestShutdown(uuid: string, { requestedAt, graceMs }: ShutdownRequest): Promise<void> {
    const { metadata } = (await this.findDomain(uuid))?.live ?? {};
    if (metadata === undefined) return;
    const first = metadata.shutdownRequestedAt ?? requestedAt;
    // Asked first: a guest that is said to have been asked, and was not, would be powered off when its time is up. To be
    // asked once more does it no harm. libvirt may even keep metadata that it could not save.
    if ((await this.#askToShutDown(uuid)) === 'unanswered') {
      this.#unanswered.set(uuid, { requestedAt: first, graceMs });
      return;
    }
    const unrecorded = this.#unanswered.delete(uuid) || metadata.shutdownRequestedAt === undefined;
    if (unrecorded || metadata.shutdownGraceMs !== graceMs) {
      await this.setLiveMetadata(uuid, {
        ...metadata,
        shutdownRequestedAt: first,
        shutdownGraceMs: graceMs,
      });
    }
  }

  async withdrawShutdown(uuid: string): Promise<void> {
    this.#unanswered.delete(uuid);
    const live = await this.#domains.live(uuid);
    if (live?.metadata?.shutdownRequestedAt === undefined) return;
    const { shutdownRequestedAt: _withdrawn, shutdownGraceMs: _grace, ...metadata } = live.metadata;
    await this.setLiveMetadata(uuid, metadata);
  }

  async destroyDomain(uuid: string): Promise<void> {
    const seen = await this.#domains.own(uuid);
    if (seen?.live === undefined) return;
    await unlessStopped(
      this.#connection.callWithin(destroyTimeoutMs, procedures.domainDestroyFlags, refByUuid(uuid), 0),
    );
    this.#unanswered.delete(uuid);
  }

  async undefineDomain(uuid: string, { nvram }: { nvram: 'keep' | 'delete' }): Promise<void> {
    const seen = await this.#domains.own(uuid);
    if (seen?.config !== undefined) {
      const flags = undefineEverything | (nvram === 'delete' ? undefineNvram : undefineKeepNvram);
      await unlessStopped(this.#connection.call(procedures.domainUndefineFlags, refByUuid(uuid), flags));
    }
    if (seen?.live === undefined) await this.#removeGuestLogs(uuid);
  }

  async attachDisk(uuid: string, disk: DiskSpec): Promise<void> {
    const live = await this.#domains.live(uuid);
    if (live === undefined) return;
    const present = diskAt(disk.target, live);
    if (present && isDisk(present, disk.diskUid, disk.path)) return;
    if (present !== undefined) throw new DeviceConflict(`${disk.target} of ${live.name} is ${present.path}`);
    // Which disk boots first is for the next start, and libvirt refuses it for a guest that was started without disks.
    const { bootOrder: _, ...attached } = disk;
    const xml = buildDiskXml(attached);
    await grantAccess([{ path: disk.path, readOnly: disk.readOnly === true }]);
    await this.#connection.call(procedures.domainAttachDeviceFlags, refByUuid(uuid), xml, affectLive);
  }

  async detachDisk(uuid: string, target: string): Promise<void> {
    const present = diskAt(target, await this.#domains.live(uuid));
    if (present === undefined) return;
    await this.#detach(uuid, diskReferenceXml(present));
    if (diskAt(target, await this.#domains.live(uuid)) !== undefined) {
      throw new DeviceNotReleased(`the guest has not released its disk ${target} yet`);
    }
  }

  async attachInterface(uuid: string, wanted: InterfaceSpec): Promise<void> {
    const live = await this.#domains.live(uuid);
    if (live === undefined) return;
    const present = interfaceWith(wanted.macAddress, live);
    if (present?.tap === wanted.tap) return;
    if (present !== undefined)
      throw new DeviceConflict(`${wanted.macAddress} of ${live.name} is on ${present.tap}`);
    const xml = buildInterfaceXml(wanted);
    await this.#connection.call(procedures.domainAttachDeviceFlags, refByUuid(uuid), xml, affectLive);
  }

  async detachInterface(uuid: string, macAddress: string): Promise<void> {
    const present = interfaceWith(macAddress, await this.#domains.live(uuid));
    if (present === undefined) return;
    await this.#detach(uuid, interfaceReferenceXml(present));
    if (interfaceWith(macAddress, await this.#domains.live(uuid)) !== undefined) {
      throw new DeviceNotReleased(`the guest has not released its interface ${macAddress} yet`);
    }
  }

  async raiseVcpus(uuid: string, count: number): Promise<void> {
    const live = await this.#domains.live(uuid);
    if (live === undefined || live.cpus >= count) return;
    await this.#connection.call(procedures.domainSetVcpusFlags, refByUuid(uuid), count, affectLive);
  }

  async setMemory(uuid: string, bytes: number): Promise<void> {
    const live = await this.#domains.live(uuid);
    if (live === undefined) return;
    const kibibytes = Math.floor(Math.min(bytes, live.maxMemoryBytes) / 1024);
    await this.#connection.call(procedures.domainSetMemoryFlags, refByUuid(uuid), kibibytes, affectLive);
  }

  async setLiveMetadata(uuid: string, metadata: DomainMetadata): Promise<void> {
    await unlessStopped(
      this.#connection.call(
        procedures.domainSetMetadata,
        refByUuid(uuid),
        metadataElement(metadata),
        affectLive,
      ),
    );
  }

  async resizeBlock(uuid: string, target: string, bytes: number): Promise<void> {
    await this.#domains.own(uuid);
    await this.#connection.call(procedures.domainBlockResize, refByUuid(uuid), target, bytes, sizeInBytes);
  }

  async versions(): Promise<{ libvirt: string; hypervisor: string }> {
    const [libvirt, hypervisor] = await Promise.all([
      this.#connection.call(procedures.connectGetLibVersion),
      this.#connection.call(procedures.connectGetVersion),
    ]);
    return { libvirt: dotted(libvirt), hypervisor: dotted(hypervisor) };
  }

  onChange(listener: (change: HypervisorChange) => void): () => void {
    const connected = () => listener({ kind: 'connected' });
    const disconnected = (reason: Error) => listener({ kind: 'disconnected', reason: reason.message });
    const domain = (event: DomainEvent) => {
      const what = event.kind === 'lifecycle' ? event.event : event.kind;
      listener({ kind: 'domain', uuid: event.domain.uuid, what });
    };
    this.#connection.on('connected', connected).on('disconnected', disconnected).on('domain', domain);
    return () => {
      this.#connection.off('connected', connected).off('disconnected', disconnected).off('domain', domain);
    };
  }

  #withUnanswered(domain: ObservedDomain): ObservedDomain {
    const { uuid, live } = domain;
    const request = this.#unanswered.get(uuid);
    if (!request) return domain;
    if (!live?.metadata) {
      this.#unanswered.delete(uuid);
      return domain;
    }
    const { requestedAt: shutdownRequestedAt, graceMs: shutdownGraceMs } = request;
    const metadata = { ...live.metadata, shutdownRequestedAt, shutdownGraceMs };
    return { ...domain, live: { ...live, metadata } };
  }

  /**
   * By both ways: which of them a guest heeds cannot be told, and to be asked twice does it no harm. The power button is
   * pressed at once; an agent that is mute keeps libvirt waiting for a minute, which nobody waits for here.
   */
  async #askToShutDown(uuid: string): Promise<'answered' | 'unanswered'> {
    const ask = async (by: number): Promise<void> =>
      this.#connection.callAside(askTimeoutMs, procedures.domainShutdownFlags, refByUuid(uuid), by);
    try {
      await unlessStopped(ask(byPowerButton));
    } catch (error) {
      // libvirt has the request, and passes it on when QEMU listens again.
      if (error instanceof LibvirtTimeout) return 'unanswered';
      throw error;
    }
    void ask(byAgent).catch(() => undefined); // most guests have none, or it ends before it has answered
    return 'answered';
  }

  /** The log and what virtlogd rotated away from it: `<name>.log`, `<name>.log.0`, … */
  async #removeGuestLogs(uuid: string): Promise<void> {
    const directory = this.#guestLogDirectory;
    if (directory === undefined) return;
    const names = await readdir(directory).catch(() => []); // made with the first guest
    const ours = names.filter((name) => name.startsWith(`${domainName(uuid)}.log`));
    await Promise.all(ours.map((name) => rm(join(directory, name), { force: true })));
  }

  async #detach(uuid: string, xml: string): Promise<void> {
    try {
      await this.#connection.call(procedures.domainDetachDeviceFlags, refByUuid(uuid), xml, affectLive);
    } catch (error) {
      // Gone already, or already asked for and the guest has not answered: the caller looks which.
      if (!isLibvirtError(error, 'DEVICE_MISSING', 'OPERATION_FAILED', 'OPERATION_INVALID', 'NO_DOMAIN'))
        throw error;
    }
  }
}

/** QEMU starts in half a second; fifty at once on two cores need more. */
const startTimeoutMs = 120_000;
/** To press the power button takes milliseconds, unless QEMU hangs. */
const askTimeoutMs = 5_000;
/** libvirt gives QEMU 30 s before it gives up. */
const destroyTimeoutMs = 60_000;
/** libvirt itself says after 30 s what another change of the domain waits for. */
const turnTimeoutMs = 40_000;

/** VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN and _GUEST_AGENT */
const byPowerButton = 1;
const byAgent = 2;
/** VIR_DOMAIN_AFFECT_LIVE and _CONFIG */
const affectLive = 1;
const affectConfig = 2;
/** VIR_DOMAIN_BLOCK_RESIZE_BYTES */
const sizeInBytes = 1;
/** VIR_DOMAIN_UNDEFINE_MANAGED_SAVE, _SNAPSHOTS_METADATA and _CHECKPOINTS_METADATA: without them these would keep the domain. */
const undefineEverything = 1 | 2 | 16;
const undefineNvram = 4;
const undefineKeepNvram = 8;

/** VIR_DOMAIN_METADATA_ELEMENT */
const metadataElement = (metadata: DomainMetadata) => ({
  type: 2,
  xml: buildMetadataXml(metadata),
  key: metadataPrefix,
  uri: metadataNamespace,
});

const diskAt = (target: string, live: DomainConfig | undefined) =>
  live?.disks.find((disk) => disk.target === target);

const interfaceWith = (macAddress: string, live: DomainConfig | undefined) =>
  live?.interfaces.find((each) => each.macAddress === macAddress);

/** For what is already achieved when the domain does not run, or is not there at all. */
async function unlessStopped(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!isLibvirtError(error, 'NO_DOMAIN', 'OPERATION_INVALID')) throw error;
  }
}

/** libvirt's version numbers: major · 1,000,000 + minor · 1,000 + release */
function dotted(version: number): string {
  return [Math.floor(version / 1_000_000), Math.floor(version / 1_000) % 1_000, version % 1_000].join('.');
}
