/**
 * A writer of small ISO 9660 volumes (ECMA-119) with one directory, whose file names are also given in Rock
 * Ridge (Linux) and Joliet (Windows, and Linux without Rock Ridge) form. It is here because xorriso waits in
 * steps of 100 ms, a quarter of the time in which a machine starts, and because equal content must give equal
 * bytes: every time in the volume is the epoch.
 */

const sectorBytes = 2048;

/** Fixed places, in sectors; the files follow. The first 16 sectors are the system area. */
const place = {
  primaryDescriptor: 16,
  jolietDescriptor: 17,
  terminator: 18,
  primaryPathTableLittle: 19,
  primaryPathTableBig: 20,
  jolietPathTableLittle: 21,
  jolietPathTableBig: 22,
  primaryRoot: 23,
  jolietRoot: 24,
  files: 25,
} as const;

const pathTableBytes = 10;
const directoryFlag = 2;
const [directoryMode, fileMode] = [0o040555, 0o100444];

interface Extent {
  sector: number;
  bytes: number;
}

/**
 * The bytes of a volume.
 * @param label up to 16 ASCII characters, so that it fits into Joliet as well
 * @param files by name: lower-case ASCII letters and hyphens
 */
export function isoVolume(label: string, files: Readonly<Record<string, string>>): Buffer {
  const contents = Object.entries(files)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, text]) => ({ name, content: Buffer.from(text) }));
  let sector: number = place.files;
  const entries = contents.map(({ name, content }) => {
    const entry = { name, content, extent: { sector, bytes: content.length } };
    sector += Math.ceil(content.length / sectorBytes);
    return entry;
  });

  const volume = Buffer.alloc(sector * sectorBytes);
  const put = (at: number, bytes: Buffer) => bytes.copy(volume, at * sectorBytes);
  const primaryRoot = { sector: place.primaryRoot, bytes: sectorBytes };
  const jolietRoot = { sector: place.jolietRoot, bytes: sectorBytes };

  put(place.primaryDescriptor, descriptor('primary', label, sector, primaryRoot));
  put(place.jolietDescriptor, descriptor('joliet', label, sector, jolietRoot));
  put(place.terminator, Buffer.from('\xffCD001\x01', 'latin1'));
  put(place.primaryPathTableLittle, pathTable(primaryRoot, 'little'));
  put(place.primaryPathTableBig, pathTable(primaryRoot, 'big'));
  put(place.jolietPathTableLittle, pathTable(jolietRoot, 'little'));
  put(place.jolietPathTableBig, pathTable(jolietRoot, 'big'));

  const self = Buffer.from([0]);
  const parent = Buffer.from([1]);
  const directory = Buffer.concat([sharingProtocol, posix(directoryMode), rockRidgeReference]);
  put(
    place.primaryRoot,
    Buffer.concat([
      directoryRecord(self, primaryRoot, directoryFlag, directory),
      directoryRecord(parent, primaryRoot, directoryFlag, posix(directoryMode)),
      ...entries.map(({ name, extent }) =>
        directoryRecord(primaryName(name), extent, 0, Buffer.concat([posix(fileMode), alternateName(name)])),
      ),
    ]),
  );
  put(
    place.jolietRoot,
    Buffer.concat([
      directoryRecord(self, jolietRoot, directoryFlag),
      directoryRecord(parent, jolietRoot, directoryFlag),
      ...entries.map(({ name, extent }) => directoryRecord(ucs2(name), extent, 0)),
    ]),
  );
  for (const { content, extent } of entries) put(extent.sector, content);
  return volume;
}

/** A volume descriptor (ECMA-119, 8.4 and 8.5; the Joliet specification for the supplementary one). */
function descriptor(kind: 'primary' | 'joliet', label: string, sectors: number, root: Extent): Buffer {
  const joliet = kind === 'joliet';
  const bytes = Buffer.alloc(sectorBytes);
  const text = (at: number, length: number, value: string) => {
    const blank = joliet ? ucs2(' '.repeat(length / 2)) : Buffer.alloc(length, ' ');
    blank.copy(bytes, at);
    (joliet ? ucs2(value) : Buffer.from(value, 'latin1')).copy(bytes, at, 0, length);
  };
  bytes.write(`${joliet ? '\x02' : '\x01'}CD001\x01`, 0, 'latin1');
  text(8, 32, 'LINUX');
  text(40, 32, label);
  both32(sectors).copy(bytes, 80);
  if (joliet) bytes.write('%/E', 88, 'latin1'); // UCS-2, level 3
  both16(1).copy(bytes, 120);
  both16(1).copy(bytes, 124);
  both16(sectorBytes).copy(bytes, 128);
  both32(pathTableBytes).copy(bytes, 132);
  bytes.writeUInt32LE(joliet ? place.jolietPathTableLittle : place.primaryPathTableLittle, 140);
  bytes.writeUInt32BE(joliet ? place.jolietPathTableBig : place.primaryPathTableBig, 148);
  directoryRecord(Buffer.from([0]), root, directoryFlag).copy(bytes, 156);
  for (const identifier of [190, 318, 446, 574]) text(identifier, 128, '');
  for (const fileIdentifier of [702, 739, 776]) text(fileIdentifier, 37, '');
  for (const date of [813, 830]) bytes.write('1970010100000000', date, 'latin1');
  for (const unset of [847, 864]) bytes.write('0'.repeat(16), unset, 'latin1');
  bytes.writeUInt8(1, 881);
  return bytes;
}

/** The path table of a volume whose only directory is its root (ECMA-119, 9.4). */
function pathTable(root: Extent, order: 'little' | 'big'): Buffer {
  const bytes = Buffer.alloc(pathTableBytes);
  bytes.writeUInt8(1, 0);
  if (order === 'little') {
    bytes.writeUInt32LE(root.sector, 2);
    bytes.writeUInt16LE(1, 6);
  } else {
    bytes.writeUInt32BE(root.sector, 2);
    bytes.writeUInt16BE(1, 6);
  }
  return bytes;
}

/** A directory record (ECMA-119, 9.1), with Rock Ridge's entries behind it. */
function directoryRecord(
  name: Buffer,
  { sector, bytes: size }: Extent,
  flags: number,
  systemUse: Buffer = Buffer.alloc(0),
): Buffer {
  const nameEnd = 33 + name.length + (name.length % 2 === 0 ? 1 : 0);
  const length = nameEnd + systemUse.length + (systemUse.length % 2);
  const bytes = Buffer.alloc(length);
  bytes.writeUInt8(length, 0);
  both32(sector).copy(bytes, 2);
  both32(size).copy(bytes, 10);
  Buffer.from([70, 1, 1, 0, 0, 0, 0]).copy(bytes, 18); // 1 January 1970, UTC
  bytes.writeUInt8(flags, 25);
  both16(1).copy(bytes, 28);
  bytes.writeUInt8(name.length, 32);
  name.copy(bytes, 33);
  systemUse.copy(bytes, nameEnd);
  return bytes;
}

/** Rock Ridge entries (SUSP and RRIP 1.10): signature, length, version 1, data. */
const rockRidge = (signature: string, data: Buffer): Buffer =>
  Buffer.concat([Buffer.from(signature, 'latin1'), Buffer.from([data.length + 4, 1]), data]);

const sharingProtocol = rockRidge('SP', Buffer.from([0xbe, 0xef, 0]));
const rockRidgeReference = rockRidge('ER', Buffer.from('\x0a\x00\x00\x01RRIP_1991A', 'latin1'));
/** Mode, links, owner and group: root's, and readable. */
const posix = (mode: number): Buffer =>
  rockRidge(
    'PX',
    Buffer.concat([both32(mode), both32(mode === directoryMode ? 2 : 1), both32(0), both32(0)]),
  );
const alternateName = (name: string): Buffer => rockRidge('NM', Buffer.from(`\0${name}`, 'latin1'));

/** `user-data` → `USER_DATA.;1`: what a reader without any extension shows. */
const primaryName = (name: string): Buffer =>
  Buffer.from(`${name.toUpperCase().replaceAll('-', '_')}.;1`, 'latin1');

const ucs2 = (text: string): Buffer => Buffer.from(text, 'utf16le').swap16();

/** Numbers stand in both byte orders. */
function both16(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt16LE(value, 0);
  bytes.writeUInt16BE(value, 2);
  return bytes;
}
function both32(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(value, 0);
  bytes.writeUInt32BE(value, 4);
  return bytes;
}
