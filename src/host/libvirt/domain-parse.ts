import { XMLParser } from 'fast-xml-parser';
import {
  type DomainConfig,
  type DomainDisk,
  type DomainInterface,
  type DomainMetadata,
  metadataNamespace,
} from './domain-spec.ts';

/** Every element as an object: attributes as `@x`, text as `#`, children as lists. */
interface Element {
  [key: string]: Element[] | string | undefined;
}

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  textNodeName: '#',
  alwaysCreateTextNode: true,
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  // libxml2 writes what is not ASCII in our metadata as numeric references.
  htmlEntities: true,
  isArray: (_name, _path, _leaf, isAttribute) => !isAttribute,
});

/** XML that is not libvirt's, or that lacks what libvirt always writes. */
export class UnreadableDomainXml extends Error {
  override readonly name = 'UnreadableDomainXml';
}

/**
 * Reads what a planner compares; the rest of the XML is libvirt's own business.
 *
 * @throws UnreadableDomainXml
 */
export function parseDomainXml(xml: string): DomainConfig {
  const domain = child(parser.parse(xml) as Element, 'domain');
  if (domain === undefined) throw new UnreadableDomainXml('there is no <domain> element');
  const devices = child(domain, 'devices') ?? {};
  const maxMemoryBytes = bytes(child(domain, 'memory'));
  const maxCpus = Number(text(domain, 'vcpu'));
  const metadata = readMetadata(child(domain, 'metadata'));
  return {
    uuid: text(domain, 'uuid'),
    name: text(domain, 'name'),
    ...(metadata !== undefined && { metadata }),
    accelerator: attribute(domain, 'type') ?? '',
    cpus: Number(attribute(child(domain, 'vcpu'), 'current') ?? maxCpus),
    maxCpus,
    memoryBytes: bytes(child(domain, 'currentMemory') ?? child(domain, 'memory')),
    maxMemoryBytes,
    firmware: child(child(domain, 'os'), 'loader') === undefined ? 'bios' : 'uefi',
    disks: children(devices, 'disk').map(readDisk),
    interfaces: children(devices, 'interface').map(readInterface),
  };
}

/** @returns nothing unless there is an element in our namespace, and it is complete */
function readMetadata(metadata: Element | undefined): DomainMetadata | undefined {
  const ours = findOurs(metadata);
  const field = (name: keyof DomainMetadata): string | undefined => attribute(ours, name);
  const [namespace, name, installationUid] = [field('namespace'), field('name'), field('installationUid')];
  const [generation, definitionHash] = [field('generation'), field('definitionHash')];
  if (namespace === undefined || name === undefined || installationUid === undefined) return undefined;
  if (generation === undefined || definitionHash === undefined) return undefined;
  const [requestedAt, graceMs] = [field('shutdownRequestedAt'), field('shutdownGraceMs')];
  const restartToken = field('restartToken');
  return {
    namespace,
    name,
    installationUid,
    generation: Number(generation),
    definitionHash,
    ...(restartToken !== undefined && { restartToken }),
    ...(requestedAt !== undefined && { shutdownRequestedAt: Number(requestedAt) }),
    ...(graceMs !== undefined && { shutdownGraceMs: Number(graceMs) }),
  };
}

/** By its namespace: a prefix is only a spelling. */
function findOurs(metadata: Element | undefined): Element | undefined {
  for (const key of Object.keys(metadata ?? {})) {
    const colon = key.indexOf(':');
    const declaration = colon === -1 ? '@xmlns' : `@xmlns:${key.slice(0, colon)}`;
    const ours = children(metadata, key).find((each) => each[declaration] === metadataNamespace);
    if (ours !== undefined) return ours;
  }
  return undefined;
}

function readDisk(disk: Element): DomainDisk {
  const others = otherFiles(disk);
  return {
    path: attribute(child(disk, 'source'), 'file') ?? '',
    ...(others.length > 0 && { otherFiles: others }),
    target: attribute(child(disk, 'target'), 'dev') ?? '',
    serial: optionalText(disk, 'serial') ?? '',
    format: attribute(child(disk, 'driver'), 'type') ?? '',
    readOnly: child(disk, 'readonly') !== undefined,
  };
}

/** The whole chain below, and that of a copy that is being made. */
function otherFiles(layer: Element): string[] {
  return [...children(layer, 'backingStore'), ...children(layer, 'mirror')].flatMap((each) => {
    const file = attribute(child(each, 'source'), 'file');
    return [...(file === undefined ? [] : [file]), ...otherFiles(each)];
  });
}

function readInterface(each: Element): DomainInterface {
  const mtu = attribute(child(each, 'mtu'), 'size');
  return {
    tap: attribute(child(each, 'target'), 'dev') ?? '',
    macAddress: attribute(child(each, 'mac'), 'address') ?? '',
    ...(mtu !== undefined && { mtu: Number(mtu) }),
    ...(attribute(child(each, 'link'), 'state') === 'down' && { link: 'down' }),
  };
}

/** libvirt always answers in KiB; other units are for what people write. */
function bytes(element: Element | undefined): number {
  const unit = attribute(element, 'unit') ?? 'KiB';
  const size = element?.['#'];
  if (unit !== 'KiB' || typeof size !== 'string' || !/^\d{1,15}$/.test(size)) {
    throw new UnreadableDomainXml(`a memory size of ${JSON.stringify(size)} ${unit}`);
  }
  return Number(size) * 1024;
}

function children(element: Element | undefined, name: string): Element[] {
  const found = element?.[name];
  return Array.isArray(found) ? found : [];
}

function child(element: Element | undefined, name: string): Element | undefined {
  return children(element, name)[0];
}

function attribute(element: Element | undefined, name: string): string | undefined {
  const value = element?.[`@${name}`];
  return typeof value === 'string' ? value : undefined;
}

function optionalText(element: Element, name: string): string | undefined {
  const value = child(element, name)?.['#'];
  return typeof value === 'string' ? value : undefined;
}

function text(element: Element, name: string): string {
  const value = optionalText(element, name);
  if (value === undefined || value === '') throw new UnreadableDomainXml(`<${name}> is missing`);
  return value;
}
