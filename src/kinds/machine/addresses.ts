import { type Outcome, act, blocked, waiting } from '../../plan/outcome.ts';
import type { ChildObject } from '../../plan/api-actions.ts';
import { FINALIZER } from '../../plan/removal.ts';
import type { HostSnapshot } from '../../plan/snapshot.ts';
import { readyMessage } from '../../resources/conditions.ts';
import type { IPAddress, Machine, Subnet } from '../../resources/kinds.ts';
import { API_VERSION, deleting, ownerReference } from '../../resources/metadata.ts';
import { type Network, contains, formatAddress, parseAddress, parseCidr } from '../../values/ipv4.ts';
import { tapName } from '../../values/links.ts';
import { macAddress } from '../../values/mac.ts';
import { addressName } from '../../values/names.ts';
import { createChild } from './child.ts';
import type { MachineInput, MachineInterface } from './input.ts';

/** Every interface holds an address of its Subnet, the one asked for if one is. */
export function addressesHeld({ machine, interfaces }: MachineInput): Outcome | undefined {
  for (const each of interfaces) {
    const { entry, subnet, held } = each;
    if (held) {
      const fixed = unchangeable(each, held) ?? usedByGuest(each, held.spec);
      if (fixed) return fixed;
      continue;
    }
    if (!subnet) {
      return waiting(
        'SubnetMissing',
        `Subnet ${entry.subnetRef.name} does not exist in this namespace; create it or correct spec.interfaces`,
      );
    }
    if (deleting(subnet)) return waiting('SubnetDeleting', `Subnet ${subnet.metadata.name} is being deleted`);
    const network = parseCidr(subnet.spec.cidr);
    const gateway = subnet.status?.gateway;
    if (!network || gateway === undefined) {
      return waiting('SubnetNotReady', `Subnet ${subnet.metadata.name}: ${readyMessage(subnet)}`);
    }
    if (comesFree(each, machine)) continue;
    const choice = chooseAddress(each, network, gateway);
    if ('problem' in choice) return choice.problem;
    const child = {
      address: choice.address,
      macAddress: freeMac(each, machine.metadata.uid),
      interface: entry.name,
    };
    return act(createChild(addressChild(machine, subnet, child)), {
      reason: 'AllocatingAddress',
      because: `interface ${entry.name} gets ${choice.address}`,
    });
  }
  return undefined;
}

function unchangeable({ entry }: MachineInterface, { spec }: IPAddress): Outcome | undefined {
  if (entry.address === undefined || entry.address === spec.address) return undefined;
  return blocked(
    'AddressFixed',
    `interface ${entry.name} has ${spec.address} for life; leave its address out, or ${replaceInterface}`,
  );
}

/** The store does not say so, as after it was restored from a backup. */
function usedByGuest(
  { entry, ports }: MachineInterface,
  wanted: { address: string; macAddress?: string },
): Outcome | undefined {
  const user = ports.find(
    ({ address, macAddress }) =>
      address === wanted.address || (macAddress !== undefined && macAddress === wanted.macAddress),
  );
  if (!user) return undefined;
  return waiting(
    'AddressInUse',
    `address ${wanted.address} of interface ${entry.name} is used on host ${user.hostName} by a guest that has no IPAddress for it; remove that guest, or ${replaceInterface}`,
    30_000,
  );
}

/** The object by which an interface of the Machine holds an address. */
export function addressChild(
  machine: Machine,
  subnet: Subnet,
  held: { address: string; macAddress: string; interface: string },
): ChildObject {
  return {
    apiVersion: API_VERSION,
    kind: 'IPAddress',
    metadata: {
      name: addressName(subnet.metadata.name, held.address),
      namespace: machine.metadata.namespace,
      finalizers: [FINALIZER],
      ownerReferences: [ownerReference(machine)],
    },
    spec: {
      ...held,
      subnetRef: { name: subnet.metadata.name, uid: subnet.metadata.uid },
      machineRef: { name: machine.metadata.name, uid: machine.metadata.uid },
    },
  };
}

/** The address of an interface cannot be changed (the API says so), only the interface replaced. */
const replaceInterface = 'replace the interface by one of another name with another address';

/** The address asked for, or the lowest free one; the store refuses it if a racing Machine took it meanwhile. */
function chooseAddress(
  each: MachineInterface,
  network: Network,
  gateway: string,
): { address: string } | { problem: Outcome } {
  const { entry, taken, ports } = each;
  const last = network.base + network.size - 1;
  if (entry.address !== undefined) {
    const address = parseAddress(entry.address);
    const field = `address ${entry.address} of interface ${entry.name}`;
    if (address === undefined || !contains(network, address)) {
      return {
        problem: blocked(
          'AddressOutsideSubnet',
          `${field} is not inside ${formatAddress(network.base)}/${network.prefix} of Subnet ${entry.subnetRef.name}; ${replaceInterface}`,
        ),
      };
    }
    if (address === network.base || address === last || entry.address === gateway) {
      return {
        problem: blocked(
          'AddressReserved',
          `${field} is the network, broadcast or gateway address of Subnet ${entry.subnetRef.name}; ${replaceInterface}`,
        ),
      };
    }
    const holder = taken.find(({ spec }) => spec.address === entry.address);
    if (holder) {
      return {
        problem: waiting(
          'AddressInUse',
          `${field} is held by Machine ${holder.spec.machineRef.name}; delete that one, or ${replaceInterface}`,
        ),
      };
    }
    const problem = usedByGuest(each, { address: entry.address });
    return problem ? { problem } : { address: entry.address };
  }
  const used = new Set([
    gateway,
    ...taken.map(({ spec }) => spec.address),
    ...ports.map(({ address }) => address),
  ]);
  for (let address = network.base + 1; address < last; address += 1) {
    const text = formatAddress(address);
    if (!used.has(text)) return { address: text };
  }
  return {
    problem: waiting(
      'SubnetFull',
      `Subnet ${entry.subnetRef.name} has no free address left; delete a Machine of it or use another Subnet`,
    ),
  };
}

function freeMac({ entry, taken, ports }: MachineInterface, machineUid: string): string {
  const used = new Set([
    ...taken.map(({ spec }) => spec.macAddress),
    ...ports.map(({ macAddress }) => macAddress),
  ]);
  let attempt = 0;
  while (used.has(macAddress(machineUid, entry.name, attempt))) attempt += 1;
  return macAddress(machineUid, entry.name, attempt);
}

/**
 * Gives back the addresses of interfaces that are not in the spec any more, once nothing on the host has them: until
 * then the interface can come back to its address.
 */
export function abandonedAddressesReleased(
  { abandoned, machine: { metadata } }: MachineInput,
  { ports, domains }: HostSnapshot,
): Outcome | undefined {
  const { live, saved } = domains[metadata.uid] ?? {};
  const held = (live ?? saved)?.interfaces ?? [];
  const address = abandoned.find((each) => {
    const name = tapName(metadata.uid, each.spec.interface);
    return !deleting(each) && !ports[name] && !held.some(({ tap }) => tap === name);
  });
  if (!address) return undefined;
  const { namespace, name, uid } = address.metadata;
  return act(
    { on: 'api', action: { name: 'api.deleteChild', child: { kind: 'IPAddress', namespace, name, uid } } },
    { reason: 'ReleasingAddress', because: `no interface ${address.spec.interface} is in the spec any more` },
  );
}

/** Something has to happen on the host before an interface can have the address that it asks for. */
export function waitsForAddress({ machine, interfaces }: MachineInput): Outcome | undefined {
  const waitingOne = interfaces.find((each) => !each.held && comesFree(each, machine));
  if (!waitingOne) return undefined;
  const { name, address } = waitingOne.entry;
  return waiting(
    'AddressInUse',
    `address ${address} of interface ${name} is being taken from an interface that left spec.interfaces`,
  );
}

/** The address asked for is still that of another interface of this Machine, which is not in the spec any more. */
const comesFree = ({ entry, taken }: MachineInterface, { spec, metadata }: Machine): boolean =>
  taken.some(
    ({ spec: { address, machineRef, interface: holder } }) =>
      address === entry.address &&
      machineRef.uid === metadata.uid &&
      !spec.interfaces?.some(({ name }) => name === holder),
  );
