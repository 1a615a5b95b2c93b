import type { InterfaceDefinition, MachineDefinition } from '../../plan/actions.ts';
import { contentHash } from '../../values/hash.ts';
import { parseCidr } from '../../values/ipv4.ts';
import { dnsLabel } from '../../values/names.ts';
import { quantityBytes, MEBIBYTE } from '../../values/quantity.ts';
import { type MachineInput, RESTART_ANNOTATION } from './input.ts';

/** libvirt counts memory in KiB and QEMU in pages; whole MiB survive both without rounding. */
export const memoryBytesOf = (memory: string | number): number =>
  Math.ceil(quantityBytes(memory) / MEBIBYTE) * MEBIBYTE;

/** The Machine as its host should have it; call only when every disk and interface is there. */
export function definitionOf(input: MachineInput): MachineDefinition {
  const { machine, disks } = input;
  const { spec, metadata } = machine;
  const bootName = disks.find(({ entry }) => entry.boot)?.entry.name ?? disks[0]?.entry.name;
  const interfaces = interfacesOf(input);
  const definition = {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    cpus: spec.cpus,
    memoryBytes: memoryBytesOf(spec.memory),
    firmware: spec.firmware,
    disks: disks.flatMap(({ entry, disk }) =>
      disk
        ? [
            {
              name: entry.name,
              diskUid: disk.metadata.uid,
              format: disk.spec.format,
              boot: entry.name === bootName,
            },
          ]
        : [],
    ),
    interfaces,
    seed: seedOf(input, interfaces),
    restartToken: metadata.annotations?.[RESTART_ANNOTATION] ?? '',
  };
  return { ...definition, definitionHash: contentHash(definition) };
}

export function interfacesOf({ interfaces }: MachineInput): InterfaceDefinition[] {
  return interfaces.flatMap(({ entry, subnet, held }) =>
    subnet && held
      ? [
          {
            name: entry.name,
            subnetUid: subnet.metadata.uid,
            macAddress: held.spec.macAddress,
            address: held.spec.address,
            mtu: subnet.spec.mtu,
          },
        ]
      : [],
  );
}

/** The NoCloud seed (cloud-init documentation, "NoCloud"; network-config version 2, matched by MAC). */
function seedOf(input: MachineInput, interfaces: InterfaceDefinition[]): MachineDefinition['seed'] {
  const { machine, userData } = input;
  const hostname = machine.spec.hostname ?? dnsLabel(machine.metadata.name.replace(/\..*/, ''));
  const metaData = {
    'instance-id': machine.metadata.uid,
    'local-hostname': hostname,
    'public-keys': machine.spec.sshAuthorizedKeys ?? [],
  };
  return {
    metaData: yamlOfScalars(metaData),
    networkConfig: networkConfig(input, interfaces),
    userData: 'text' in userData ? userData.text : '',
  };
}

/** Flat YAML; every scalar is written as JSON, which YAML reads as it is, so that no value can break out. */
function yamlOfScalars(values: Record<string, string | string[]>): string {
  const lines = Object.entries(values).flatMap(([key, value]) =>
    typeof value === 'string'
      ? [`${key}: ${JSON.stringify(value)}`]
      : [`${key}:${value.length === 0 ? ' []' : ''}`, ...value.map((item) => `  - ${JSON.stringify(item)}`)],
  );
  return `${lines.join('\n')}\n`;
}

function networkConfig({ interfaces: entries }: MachineInput, interfaces: InterfaceDefinition[]): string {
  const lines = ['version: 2', interfaces.length === 0 ? 'ethernets: {}' : 'ethernets:'];
  interfaces.forEach((definition, index) => {
    const subnet = entries.find(({ entry }) => entry.name === definition.name)?.subnet;
    const prefix = subnet && parseCidr(subnet.spec.cidr)?.prefix;
    lines.push(
      `  eth${index}:`,
      '    match:',
      `      macaddress: "${definition.macAddress}"`,
      `    set-name: eth${index}`,
      '    dhcp4: true',
      // Only the first interface carries the default route; further ones would compete with it.
      ...(index === 0 ? [] : ['    dhcp4-overrides:', '      use-routes: false']),
      `    mtu: ${definition.mtu}`,
      `    # reserved: ${definition.address}/${prefix}`,
    );
  });
  return `${lines.join('\n')}\n`;
}
