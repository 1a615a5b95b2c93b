import { Buffer } from 'node:buffer';
import { type XdrReader, type XdrWriter, XdrError } from './xdr.ts';

/** `remote_nonnull_domain`: how calls and events name a domain. `id` is -1 while it is not running. */
export interface DomainRef {
  name: string;
  uuid: string;
  id: number;
}

/** libvirt finds a domain by its UUID alone; name and id are carried for its messages. */
export function refByUuid(uuid: string): DomainRef {
  return { name: uuid, uuid, id: -1 };
}

export function writeUuid(writer: XdrWriter, uuid: string): void {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(uuid)) throw new XdrError(`"${uuid}" is no UUID`);
  writer.fixed(Buffer.from(uuid.replaceAll('-', ''), 'hex'));
}

export function readUuid(reader: XdrReader): string {
  const hex = reader.fixed(16).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

export function writeDomain(writer: XdrWriter, domain: DomainRef): void {
  writer.string(domain.name);
  writeUuid(writer, domain.uuid);
  writer.int(domain.id);
}

export function readDomain(reader: XdrReader): DomainRef {
  return { name: reader.string(), uuid: readUuid(reader), id: reader.int() };
}
