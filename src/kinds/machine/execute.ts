import { type DiskSpec, type DomainConfig, type DomainDisk, isDisk } from '../../host/libvirt/domain-spec.ts';
import type { ObservedDomain } from '../../host/libvirt/hypervisor-port.ts';
import { type PortSnapshot, tapName } from '../../host/ports/network.ts';
import type { HostActionName, InterfaceDefinition, MachineDefinition } from '../../plan/actions.ts';
import {
  diskRedirected,
  type ExecutionContext,
  ExecutionError,
  type Executors,
  type Owner,
} from '../executor.ts';
import { domainSpec } from './domain.ts';

type MachineActionName = Extract<HostActionName, `machine.${string}`>;

export const machineExecutors: Executors<MachineActionName> = {
  'machine.define': async (definition, context, owner) => {
    await define(definition, context, owner);
  },

  'machine.start': async ({ interfaces }, context, { uid }) => {
    await ensurePorts(interfaces, context, uid);
    context.signal.throwIfAborted();
    const domain = await context.hypervisor.findDomain(uid);
    if (!domain) {
      throw new ExecutionError('NotDefined', 'the domain is not defined on this host', { retryable: true });
    }
    refuseOtherSaved(domain);
    await context.hypervisor.startDomain(uid);
  },

  'machine.connect': async ({ interfaces }, context, { uid }) => {
    await ensurePorts(interfaces, context, uid);
    const seen = await lookAtPorts(context, uid);
    await plugAgain(interfaces, seen, context, uid);
    await deleteSparePorts(interfaces, seen, context, uid);
  },

  'machine.reconfigure': async (definition, context, owner) => {
    const spec = await define(definition, context, owner);
    const live = (await context.hypervisor.findDomain(owner.uid))?.live;
    if (!live) return;
    await ensurePorts(definition.interfaces, context, owner.uid);
    await reconfigureLive(spec, live, context);
    const seen = await lookAtPorts(context, owner.uid);
    await deleteSparePorts(definition.interfaces, seen, context, owner.uid);
  },

  'machine.requestShutdown': async ({ graceMs }, { hypervisor, uptimeMs }, { uid }) =>
    hypervisor.requestShutdown(uid, { requestedAt: uptimeMs(), graceMs }),

  'machine.withdrawShutdown': async (_wanted, { hypervisor }, { uid }) => hypervisor.withdrawShutdown(uid),

  'machine.powerOff': async (_wanted, { hypervisor }, { uid }) => {
    const domain = await hypervisor.findDomain(uid);
    if (domain && domain.power !== 'shutoff') await hypervisor.destroyDomain(uid);
  },

  'machine.delete': async ({ interfaceNames }, context, { uid }) => {
    const { hypervisor, network, storage } = context;
    const domain = await hypervisor.findDomain(uid);
    if (domain && domain.power !== 'shutoff') {
      throw new ExecutionError('StillRunning', 'the guest runs; it is powered off first', {
        retryable: true,
      });
    }
    if (domain) await hypervisor.undefineDomain(uid, { nvram: 'delete' });
    for (const name of interfaceNames) await network.deletePort(uid, name);
    await deleteSparePorts([], await lookAtPorts(context, uid), context, uid);
    // The seed goes last, as it comes first: where anything is left of a Machine, the listing tells of it.
    await storage.deleteMachineDirectory(uid);
    await storage.deleteSeed(uid);
  },
};

type Spec = ReturnType<typeof domainSpec>;

async function define(definition: MachineDefinition, context: ExecutionContext, owner: Owner): Promise<Spec> {
  const { hypervisor, storage, signal } = context;
  await storage.ensureSeed({ machineUid: owner.uid, ...definition.seed });
  await storage.ensureMachineDirectory(owner.uid);
  const existing = await hypervisor.findDomain(owner.uid);
  const spec = domainSpec(definition, context, owner, existing);
  refuseRedirected(spec, existing);
  signal.throwIfAborted();
  await hypervisor.defineDomain(spec);
  return spec;
}

const isWanted = (disk: DomainDisk, { diskUid, path }: DiskSpec): boolean => isDisk(disk, diskUid, path);

/** The definition has the files that Purlin made: what a guest wrote to another one since would be gone for it. */
function refuseRedirected({ uuid, disks }: Spec, existing: ObservedDomain | undefined): void {
  const present = [...(existing?.live?.disks ?? []), ...(existing?.config?.disks ?? [])];
  for (const wanted of disks) {
    const redirected = present.find((disk) => isWanted(disk, wanted) && disk.path !== wanted.path);
    if (redirected) throw diskRedirected(uuid, redirected);
  }
}

/**
 * A guest that was saved comes back with what it had then. Disks and interfaces that it is not defined with any more may
 * be somebody else's by now; other CPUs or memory are as with every guest that has run on since.
 */
function refuseOtherSaved({ uuid, config, saved }: ObservedDomain): void {
  if (!saved || !config || devicesOf(saved) === devicesOf(config)) return;
  throw new ExecutionError(
    'SavedStateDiffers',
    `the guest was saved with other disks or interfaces than it is defined with by now, and a start would bring those back; give the saved state up with: virsh managedsave-remove ${uuid}`,
    { retryable: true },
  );
}

const devicesOf = ({ disks, interfaces }: DomainConfig): string =>
  [
    ...disks.map(({ target, path }) => `${target} ${path}`),
    ...interfaces.map(({ tap, macAddress }) => `${macAddress} ${tap}`),
  ]
    .sort()
    .join('\n');

/** What libvirt can change under a running guest: devices by difference, and more vCPUs but never fewer. */
async function reconfigureLive(
  spec: Spec,
  live: DomainConfig,
  { hypervisor }: ExecutionContext,
): Promise<void> {
  const { uuid } = spec;
  for (const disk of live.disks) {
    const stays = disk.path === spec.seedPath || spec.disks.some((each) => isWanted(disk, each));
    if (!stays) await hypervisor.detachDisk(uuid, disk.target);
  }
  for (const each of spec.disks) {
    if (!live.disks.some((disk) => isWanted(disk, each))) await hypervisor.attachDisk(uuid, each);
  }
  const wantedMacs = new Set(spec.interfaces.map(({ macAddress }) => macAddress));
  for (const { macAddress } of live.interfaces) {
    if (!wantedMacs.has(macAddress)) await hypervisor.detachInterface(uuid, macAddress);
  }
  for (const each of spec.interfaces) {
    if (!live.interfaces.some(({ macAddress }) => macAddress === each.macAddress)) {
      await hypervisor.attachInterface(uuid, each);
    }
  }
  if (spec.cpus > live.cpus) await hypervisor.raiseVcpus(uuid, Math.min(spec.cpus, live.maxCpus));
}

async function ensurePorts(
  interfaces: readonly InterfaceDefinition[],
  { network }: ExecutionContext,
  machineUid: string,
): Promise<void> {
  for (const { name: interfaceName, subnetUid, macAddress, address, mtu } of interfaces) {
    await network.ensurePort({ machineUid, interfaceName, subnetUid, macAddress, address, mtu });
  }
}

/** The domain of a Machine, and the ports of all. */
interface SeenPorts {
  domain: ObservedDomain | undefined;
  ports: PortSnapshot[];
}

async function lookAtPorts({ hypervisor, network }: ExecutionContext, uid: string): Promise<SeenPorts> {
  const domain = await hypervisor.findDomain(uid);
  const { ports } = await network.list();
  return { domain, ports };
}

/**
 * QEMU does not take up a tap that was made anew under its guest: the card has to go and come back, which needs the
 * guest to let it go. A guest that has only begun to start opens its taps yet, and a paused one lets nothing go.
 */
async function plugAgain(
  interfaces: readonly InterfaceDefinition[],
  { domain, ports }: SeenPorts,
  { hypervisor }: ExecutionContext,
  machineUid: string,
): Promise<void> {
  if (domain?.power !== 'running') return;
  for (const { name, macAddress, mtu } of interfaces) {
    const tap = tapName(machineUid, name);
    const card = domain.live?.interfaces.find((each) => each.tap === tap && each.macAddress === macAddress);
    const held = ports.some((port) => port.tap === tap && port.carrier === 'present');
    if (!card || card.link === 'down' || held) continue;
    await hypervisor.detachInterface(machineUid, macAddress);
    await hypervisor.attachInterface(machineUid, { tap, macAddress, mtu });
  }
}

/** Taps of this Machine that no interface asks for, and that the guest, running or saved, no longer holds. */
async function deleteSparePorts(
  wanted: readonly InterfaceDefinition[],
  { domain, ports }: SeenPorts,
  { network }: ExecutionContext,
  machineUid: string,
): Promise<void> {
  const kept = new Set([
    ...wanted.map(({ name }) => tapName(machineUid, name)),
    ...((domain?.live ?? domain?.saved)?.interfaces ?? []).map(({ tap }) => tap),
  ]);
  for (const port of ports) {
    if (port.machineUid === machineUid && !kept.has(port.tap)) {
      await network.deletePort(machineUid, port.interfaceName);
    }
  }
}
