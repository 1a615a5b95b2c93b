import { type DomainRef, readDomain, writeDomain, writeUuid } from './domain-ref.ts';
import type { XdrReader, XdrWriter } from './xdr.ts';

/**
 * One remote procedure: its number in `enum remote_procedure` of libvirt's remote_protocol.x, how its
 * arguments are written and its result read. libvirt never renumbers or reshapes a published procedure.
 */
export interface Procedure<Args extends readonly unknown[], Result> {
  readonly number: number;
  /** libvirt may take its time for it, as long as a guest does; others are answered at once */
  readonly slow: boolean;
  readonly write: (writer: XdrWriter, ...args: Args) => void;
  readonly read: (reader: XdrReader) => Result;
}

function procedure<Args extends readonly unknown[], Result>(
  number: number,
  write: (writer: XdrWriter, ...args: Args) => void,
  read: (reader: XdrReader) => Result,
): Procedure<Args, Result> {
  return { number, slow: false, write, read };
}

/** One that changes a guest, and waits for QEMU or for another change. */
function change<Args extends readonly unknown[], Result>(
  ...[number, write, read]: Parameters<typeof procedure<Args, Result>>
): Procedure<Args, Result> {
  return { number, slow: true, write, read };
}

const none = (): void => {};
const onDomain = (writer: XdrWriter, domain: DomainRef): void => writeDomain(writer, domain);
const onDomainWithFlags = (writer: XdrWriter, domain: DomainRef, flags: number): void => {
  writeDomain(writer, domain);
  writer.uint(flags);
};
const onDevice = (writer: XdrWriter, domain: DomainRef, xml: string, flags: number): void => {
  writeDomain(writer, domain);
  writer.string(xml).uint(flags);
};

export const procedures = {
  connectOpen: procedure(1, (w, uri: string, flags: number) => w.optionalString(uri).uint(flags), none),
  connectClose: procedure(2, none, none),
  connectGetVersion: procedure(4, none, (r) => r.uhyper()),
  connectGetLibVersion: procedure(157, none, (r) => r.uhyper()),
  nodeGetInfo: procedure(6, none, readNodeInfo),
  connectGetCapabilities: procedure(7, none, (r) => r.string()),
  connectSupportsFeature: procedure(
    60,
    (w, feature: number) => w.int(feature),
    (r) => r.int() !== 0,
  ),
  authList: procedure(66, none, (r) => r.array((entry) => entry.int())),
  connectListAllDomains: procedure(
    273,
    (w, flags: number) => w.int(1).uint(flags),
    (r) => r.array(readDomain),
  ),

  domainLookupByUuid: procedure(24, (w, uuid: string) => writeUuid(w, uuid), readDomain),
  domainGetXmlDesc: procedure(14, onDomainWithFlags, (r) => r.string()),
  domainGetState: procedure(212, onDomainWithFlags, (r) => ({ state: r.int(), reason: r.int() })),
  domainIsPersistent: procedure(151, onDomain, (r) => r.int() !== 0),
  domainHasManagedSaveImage: procedure(183, onDomainWithFlags, (r) => r.int() !== 0),
  domainManagedSaveGetXmlDesc: procedure(388, onDomainWithFlags, (r) => r.string()),
  domainDefineXmlFlags: change(350, (w, xml: string, flags: number) => w.string(xml).uint(flags), readDomain),
  domainUndefineFlags: change(231, onDomainWithFlags, none),
  domainCreateWithFlags: change(196, onDomainWithFlags, readDomain),
  domainDestroyFlags: change(234, onDomainWithFlags, none),
  domainShutdownFlags: change(258, onDomainWithFlags, none),
  domainReboot: change(27, onDomainWithFlags, none),
  domainReset: change(245, onDomainWithFlags, none),
  domainSuspend: change(34, onDomain, none),
  domainResume: change(28, onDomain, none),
  domainSetAutostart: change(
    29,
    (w, domain: DomainRef, autostart: boolean) => {
      writeDomain(w, domain);
      w.int(autostart ? 1 : 0);
    },
    none,
  ),

  domainGetMetadata: procedure(
    265,
    (w, domain: DomainRef, type: number, uri: string | null, flags: number) => {
      writeDomain(w, domain);
      w.int(type).optionalString(uri).uint(flags);
    },
    (r) => r.string(),
  ),
  domainSetMetadata: change(
    264,
    (w, domain: DomainRef, metadata: MetadataArgument, flags: number) => {
      writeDomain(w, domain);
      w.int(metadata.type).optionalString(metadata.xml).optionalString(metadata.key);
      w.optionalString(metadata.uri).uint(flags);
    },
    none,
  ),

  domainAttachDeviceFlags: change(160, onDevice, none),
  domainDetachDeviceFlags: change(161, onDevice, none),
  domainUpdateDeviceFlags: change(174, onDevice, none),
  domainBlockResize: change(
    251,
    (w, domain: DomainRef, disk: string, size: number, flags: number) => {
      writeDomain(w, domain);
      w.string(disk).uhyper(size).uint(flags);
    },
    none,
  ),
  domainSetVcpusFlags: change(
    199,
    (w, domain: DomainRef, count: number, flags: number) => {
      writeDomain(w, domain);
      w.uint(count).uint(flags);
    },
    none,
  ),
  domainSetMemoryFlags: change(
    204,
    (w, domain: DomainRef, kibibytes: number, flags: number) => {
      writeDomain(w, domain);
      w.uhyper(kibibytes).uint(flags);
    },
    none,
  ),
  domainGetBlockInfo: procedure(
    194,
    (w, domain: DomainRef, path: string, flags: number) => {
      writeDomain(w, domain);
      w.string(path).uint(flags);
    },
    (r) => ({ allocationBytes: r.uhyper(), capacityBytes: r.uhyper(), physicalBytes: r.uhyper() }),
  ),
  domainInterfaceStats: procedure(
    65,
    (w, domain: DomainRef, device: string) => {
      writeDomain(w, domain);
      w.string(device);
    },
    readInterfaceStats,
  ),

  domainEventRegister: procedure(
    316,
    (w, eventId: number, domain: DomainRef | null) => w.int(eventId).optional(domain, writeDomain),
    (r) => r.int(),
  ),
  domainEventDeregister: procedure(317, (w, callbackId: number) => w.int(callbackId), none),
} as const;

/** `virDomainSetMetadata`: type 2 (element) wants a key (prefix) and a URI; `xml: null` removes it. */
export interface MetadataArgument {
  type: number;
  xml: string | null;
  key: string | null;
  uri: string | null;
}

function readNodeInfo(r: XdrReader) {
  // `char model[32]` is an XDR vector: one word per character.
  const model = Array.from({ length: 32 }, () => r.int())
    .filter((code) => code !== 0)
    .map((code) => String.fromCharCode(code))
    .join('');
  return {
    model,
    memoryKibibytes: r.uhyper(),
    cpus: r.int(),
    megahertz: r.int(),
    numaNodes: r.int(),
    sockets: r.int(),
    coresPerSocket: r.int(),
    threadsPerCore: r.int(),
  };
}

function readInterfaceStats(r: XdrReader) {
  const direction = () => ({ bytes: r.hyper(), packets: r.hyper(), errors: r.hyper(), drops: r.hyper() });
  return { received: direction(), sent: direction() };
}
