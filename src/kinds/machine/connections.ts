/** How a guest is connected: its taps, their rules, its hold on them, and what is left of interfaces that went. */
import { type Outcome, waiting } from '../../plan/outcome.ts';
import type { DomainSnapshot, HostSnapshot, PortSnapshot } from '../../plan/snapshot.ts';
import { earlierOrderUnderway } from '../../plan/underway.ts';
import { tapName } from '../../values/links.ts';
import { isUnplugged } from './changes.ts';
import { interfacesOf } from './definition.ts';
import type { MachineInput } from './input.ts';
import type { MachineOnHost } from './on-host.ts';

/** What comes by the tap reaches its Subnet: it is up, on the bridge, and its guest may send. */
export const isConnected = (port: PortSnapshot | undefined): boolean =>
  port?.state === 'up' && port.attached && port.rules === 'present';

/**
 * Taps and anti-spoofing rules of a running guest, and its hold on the taps.
 *
 * @param which `but unplugged`: a restart is to come, which mends what the guest does not hold
 */
export function planConnections(
  input: MachineInput,
  host: MachineOnHost,
  which: 'all' | 'but unplugged' = 'all',
): Outcome | undefined {
  const wanted = interfacesOf(input);
  const broken = wanted.find(({ name, address, macAddress }) => {
    const port = host.snapshot.ports[tapName(input.machine.metadata.uid, name)];
    const domain = host.snapshot.domains[input.machine.metadata.uid];
    const card = domain?.live?.interfaces.find(
      ({ tap }) => tap === tapName(input.machine.metadata.uid, name),
    );
    if (!card) return false;
    return (
      (which === 'all' && isUnplugged(card)) ||
      !isConnected(port) ||
      (port?.address !== undefined && port.address !== address) ||
      (port?.macAddress !== undefined && port.macAddress !== macAddress)
    );
  });
  if (!broken) return undefined;
  return host.step(
    { name: 'machine.connect', arguments: { interfaces: wanted } },
    {
      reason: 'PortBroken',
      because: `interface ${broken.name} is not connected as it should be`,
      drift: true,
    },
  );
}

/**
 * Taps that no interface asks for any more, and that no guest holds, be it running or saved: their addresses wait for
 * them to go. They also wait until the host has carried out an order of this generation, since an older one, which still
 * has the interface, may be on its way until then.
 */
export function planSparePorts(
  input: MachineInput,
  host: MachineOnHost,
  domain: DomainSnapshot,
): Outcome | undefined {
  const { uid } = input.machine.metadata;
  const wanted = interfacesOf(input);
  const kept = new Set([
    ...wanted.map(({ name }) => tapName(uid, name)),
    ...((domain.live ?? domain.saved)?.interfaces ?? []).map(({ tap }) => tap),
  ]);
  const own = Object.values(host.snapshot.ports).filter(({ machineUid }) => machineUid === uid);
  const spare = own.find(({ tap }) => !kept.has(tap))?.interfaceName;
  const left = spare === undefined ? whatWaits(input, host.snapshot) : `interface ${spare}`;
  if (left === undefined) return undefined;
  // Nothing is connected for it: a guest that is shut off has the taps that it has.
  const present = wanted.filter(({ name }) => own.some(({ tap }) => tap === tapName(uid, name)));
  return host.step(
    { name: 'machine.connect', arguments: { interfaces: present } },
    { reason: 'Disconnecting', because: `${left} is not in the spec any more` },
  );
}

/** What waits to be given back until the host has carried out an order of this generation. */
function whatWaits(
  { machine, abandoned, leaving }: MachineInput,
  snapshot: HostSnapshot,
): string | undefined {
  if (!earlierOrderUnderway(machine.metadata, snapshot)) return undefined;
  if (abandoned[0]) return `interface ${abandoned[0].spec.interface}`;
  return leaving[0] && `Disk ${leaving[0].metadata.name}`;
}

/** What an operator did on purpose is told, not undone. */
export function linkSetDown({ machine }: MachineInput, domain: DomainSnapshot): Outcome | undefined {
  const card = domain.live?.interfaces.find(({ link }) => link === 'down');
  return (
    card &&
    waiting(
      'LinkDown',
      `the link of ${card.macAddress} was set down by hand; virsh domif-setlink ${machine.metadata.uid} ${card.macAddress} up sets it up again`,
    )
  );
}
