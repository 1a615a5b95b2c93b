/** Beginnings of images, each in a format that can name other files or that a tool would take for its own. */
import { qcow2 } from './qcow2-bytes.ts';

/** A file of 64 KiB with texts or bytes at some places. */
function file(...parts: [number, string | readonly number[]][]): Buffer {
  const bytes = Buffer.alloc(65_536);
  for (const [at, content] of parts) Buffer.from(content as string, 'latin1').copy(bytes, at);
  return bytes;
}

/** The file that all of them would like to read. */
const secret = '/etc/shadow';

const extension = (type: number, text: string) => ({ type, data: Buffer.from(text) });
const dataFileName = extension(0x44415441, secret);
const featureNames = extension(0x6803f857, 'x'.repeat(48));
const backingFormat = extension(0xe2792aca, 'raw');

/** qcow2 files that refer to another file. */
export const referringQcow2: Record<string, Buffer> = {
  'a backing file': qcow2({ backingFileOffset: 512n, backingFileSize: secret.length }),
  'a backing file in version 2': qcow2({
    version: 2,
    backingFileOffset: 512n,
    backingFileSize: secret.length,
  }),
  'a backing file and its format': qcow2({
    backingFileOffset: 512n,
    backingFileSize: secret.length,
    extensions: [backingFormat],
  }),
  'a backing file by a URL of QEMU': (() => {
    const bytes = qcow2({ backingFileOffset: 512n, backingFileSize: 42 });
    bytes.write('json:{"driver":"file","filename":"/etc/shadow"}', 512);
    return bytes;
  })(),
  'an external data file': qcow2({ incompatible: 4n, extensions: [dataFileName] }),
  'an external data file without a name': qcow2({ incompatible: 4n }),
  'the name of a data file alone': qcow2({ extensions: [dataFileName] }),
  'the name of a data file behind other extensions': qcow2({ extensions: [featureNames, dataFileName] }),
  'the name of a data file in version 2': qcow2({ version: 2, extensions: [featureNames, dataFileName] }),
  'raw external data': qcow2({ autoclear: 2n }),
};

/** Files of other formats, with the name by which they should be recognised. */
export const otherFormats: Record<string, [string, Buffer]> = {
  'VMDK, sparse, with a parent': [
    'VMDK',
    file([0, 'KDMV\x01\0\0\0\x03\0\0\0'], [512, `# Disk DescriptorFile\nparentFileNameHint="${secret}"\n`]),
  ],
  'VMDK, ESX': ['VMDK', file([0, 'COWD\x01\0\0\0'])],
  'VMDK, a descriptor': ['VMDK', file([0, `# Disk DescriptorFile\nversion=1\nRW 8 FLAT "${secret}" 0\n`])],
  'VMDK, a descriptor of Windows': [
    'VMDK',
    file([0, `# Disk DescriptorFile\r\nversion=1\r\nRW 8 FLAT "${secret}" 0\r\n`]),
  ],
  'VMDK, by its version alone': ['VMDK', file([0, `#\n \n# x\nversion=3\nRW 8 FLAT "${secret}" 0\n`])],
  'VHD, differencing': ['VHD', file([0, 'conectix\0\0\0\x02'], [60, [0, 0, 0, 4]], [512, 'cxsparse'])],
  'VHDX, with a parent locator': ['VHDX', file([0, 'vhdxfile'], [65_000, 'parent_linkage'])],
  'VDI, differencing': [
    'VDI',
    file([0, '<<< Oracle VM VirtualBox Disk Image >>>\n'], [64, [0x7f, 0x10, 0xda, 0xbe]], [76, [4]]),
  ],
  'QED, with a backing file': ['QED', file([0, 'QED\0'], [16, [1]], [56, [128, 0, 0, 0, 11]], [128, secret])],
  'LUKS 1': ['LUKS', file([0, [0x4c, 0x55, 0x4b, 0x53, 0xba, 0xbe, 0, 1]])],
  'LUKS 2': ['LUKS', file([0, [0x4c, 0x55, 0x4b, 0x53, 0xba, 0xbe, 0, 2]])],
  Parallels: ['Parallels', file([0, 'WithoutFreeSpace\x02'])],
  Bochs: ['Bochs', file([0, 'Bochs Virtual HD Image\0'])],
  cloop: ['cloop', file([0, '#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=$0\n'])],
  'qcow1 with a backing file': [
    'qcow2',
    file([0, [0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 48]]),
  ],
};
