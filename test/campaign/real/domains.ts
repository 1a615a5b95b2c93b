/** Guests as libvirt describes them, read by nothing of Purlin's. */
import { XMLParser } from 'fast-xml-parser';
import type { RealSite } from './site.ts';
import type { Hardware, SeenDomain } from '../oracle/picture.ts';

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  textNodeName: '#',
  parseTagValue: false,
  isArray: (name) => name === 'disk' || name === 'interface',
});

interface DomainXml {
  domain: {
    memory: { '#': string };
    vcpu: string | { '#': string; '@current'?: string };
    os: { loader?: unknown };
    devices: { disk?: DiskXml[]; interface?: InterfaceXml[] };
  };
}

interface DiskXml {
  driver: { '@type': string };
  source: { '@file': string };
  target: { '@dev': string };
  serial: string;
  boot?: { '@order': string };
}

interface InterfaceXml {
  mac: { '@address': string };
  target: { '@dev': string };
  mtu?: { '@size': string };
}

/** UUIDs of all domains with their power. */
export async function listDomains(site: RealSite): Promise<Map<string, SeenDomain['power']>> {
  const powers = new Map<string, SeenDomain['power']>();
  const states = {
    running: '--state-running',
    paused: '--state-paused',
    shutoff: '--state-shutoff',
  } as const;
  for (const [power, option] of Object.entries(states)) {
    const text = await site.virsh('list', '--all', '--uuid', option);
    for (const uuid of text.split('\n').filter(Boolean))
      powers.set(uuid.trim(), power as SeenDomain['power']);
  }
  return powers;
}

export async function readDomain(
  site: RealSite,
  machineUid: string,
  power: SeenDomain['power'],
): Promise<SeenDomain> {
  const config = hardwareOf(await site.virsh('dumpxml', '--inactive', machineUid));
  if (power === 'shutoff') return { machineUid, power, config };
  return { machineUid, power, config, live: hardwareOf(await site.virsh('dumpxml', machineUid)) };
}

function hardwareOf(xml: string): Hardware {
  const { memory, vcpu, os, devices } = (parser.parse(xml) as DomainXml).domain;
  const cpus = typeof vcpu === 'string' ? vcpu : (vcpu['@current'] ?? vcpu['#']);
  const disks = devices.disk ?? [];
  return {
    cpus: Number(cpus),
    memoryBytes: Number(memory['#']) * 1024,
    firmware: os.loader === undefined ? 'bios' : 'uefi',
    disks: disks
      .filter(({ serial }) => serial !== 'cidata')
      .sort((a, b) => (a.target['@dev'] < b.target['@dev'] ? -1 : 1))
      .map(({ source, driver, boot }) => ({
        diskUid: /disks\/([0-9a-f-]{36})\//.exec(source['@file'])?.[1] ?? source['@file'],
        format: driver['@type'],
        boot: boot?.['@order'] === '1',
      })),
    hasSeed: disks.some(({ serial }) => serial === 'cidata'),
    interfaces: (devices.interface ?? []).map(({ target, mac, mtu }) => ({
      tap: target['@dev'],
      macAddress: mac['@address'],
      mtu: mtu && Number(mtu['@size']),
    })),
  };
}
