import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { InvalidDomainSpec } from '../../../src/host/libvirt/domain-check.ts';
import { parseDomainXml, UnreadableDomainXml } from '../../../src/host/libvirt/domain-parse.ts';
import { type DomainSpec, diskSerial } from '../../../src/host/libvirt/domain-spec.ts';
import { buildDiskXml, buildDomainXml, diskReferenceXml } from '../../../src/host/libvirt/domain-xml.ts';
import { spoilt } from '../../support/hostile-text.ts';

const web: DomainSpec = {
  uuid: '6f1c1d9e-0000-4000-8000-000000000001',
  metadata: {
    namespace: 'default',
    name: 'web',
    installationUid: '6f1c1d9e-0000-4000-8000-0000000000ff',
    generation: 3,
    definitionHash: 'sha256:abc',
  },
  accelerator: 'qemu',
  cpus: 1,
  maxCpus: 4,
  memoryBytes: 256 * 1024 * 1024,
  firmware: { type: 'bios' },
  disks: [
    {
      diskUid: '6f1c1d9e-0000-4000-8000-000000000002',
      path: '/data/disks/6f1c1d9e-0000-4000-8000-000000000002/disk.qcow2',
      format: 'qcow2',
      target: 'vda',
      bootOrder: 1,
    },
  ],
  seedPath: '/data/seeds/6f1c1d9e/seed.iso',
  interfaces: [{ tap: 'plt0123456789', macAddress: '02:00:00:00:00:01', mtu: 1500 }],
  consoleLogPath: '/data/consoles/6f1c1d9e.log',
};

test('the files that a disk stands on, and those of a copy that is being made, are read to the last', () => {
  const below = (file: string, more = '<backingStore/>') =>
    `<backingStore type="file"><format type="qcow2"/><source file="${file}"/>${more}</backingStore>`;
  const copy = '<mirror type="file" job="copy"><source file="/copy"/><backingStore/></mirror>';
  const xml = buildDomainXml(web).replace(
    '<target dev="vda"',
    `${below('/snapshot', below('/image'))}${copy}<target dev="vda"`,
  );
  expect(parseDomainXml(xml).disks.map(({ otherFiles }) => otherFiles)).toEqual([
    ['/snapshot', '/image', '/copy'],
    undefined,
  ]);
});

const hostileText = fc
  .oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(
      '"/><evil/>',
      '</purlin:name><x/>',
      ']]>',
      '<!--',
      '&amp;',
      '&#65;',
      '&#38;amp;',
      '&lt;&nbsp;',
      '  ',
    ),
    fc
      .array(fc.constantFrom('&', '#', '38', ';', 'amp', '<', '>', '"', "'", 'x41', 'ü', '😀'))
      .map((parts) => parts.join('')),
  )
  .filter((text) => text.isWellFormed() && !/[\p{Cc}\uFFFE\uFFFF]/u.test(text));

describe('buildDomainXml', () => {
  test('what is built is read back', () => {
    expect(parseDomainXml(buildDomainXml(web))).toEqual({
      uuid: web.uuid,
      name: `purlin-${web.uuid}`,
      metadata: web.metadata,
      accelerator: 'qemu',
      cpus: 1,
      maxCpus: 4,
      memoryBytes: web.memoryBytes,
      maxMemoryBytes: web.memoryBytes,
      firmware: 'bios',
      disks: [
        {
          path: web.disks[0]?.path,
          target: 'vda',
          serial: diskSerial('6f1c1d9e-0000-4000-8000-000000000002'),
          format: 'qcow2',
          readOnly: false,
        },
        { path: web.seedPath, target: 'vdz', serial: 'cidata', format: 'raw', readOnly: true },
      ],
      interfaces: web.interfaces,
    });
  });

  test('no text becomes markup or changes on the way', () => {
    fc.assert(
      fc.property(hostileText, hostileText, hostileText, (name, restartToken, file) => {
        fc.pre(!file.split('/').includes('..'));
        const spec: DomainSpec = {
          ...web,
          metadata: { ...web.metadata, name, restartToken },
          disks: web.disks.map((disk) => ({ ...disk, path: `/${file}` })),
          consoleLogPath: `/${file}`,
        };
        const back = parseDomainXml(buildDomainXml(spec));
        expect(back.metadata).toEqual({ ...web.metadata, name, restartToken });
        expect(back.disks.map(({ path }) => path)).toEqual([`/${file}`, web.seedPath]);
        expect(back.interfaces).toEqual(web.interfaces);
      }),
      { numRuns: 500 },
    );
  });

  const [root] = web.disks as [DomainSpec['disks'][number]];
  const [eth0] = web.interfaces as [DomainSpec['interfaces'][number]];
  test.each<[string, string, (text: string) => Partial<DomainSpec>]>([
    ['uuid', web.uuid, (uuid) => ({ uuid })],
    ['seedPath', '/data/seed.iso', (seedPath) => ({ seedPath })],
    ['consoleLogPath', '/data/console.log', (consoleLogPath) => ({ consoleLogPath })],
    ['firmware.nvramPath', '/data/x.fd', (nvramPath) => ({ firmware: { type: 'uefi', nvramPath } })],
    ['disk.diskUid', root.diskUid, (diskUid) => ({ disks: [{ ...root, diskUid }] })],
    ['disk.path', root.path, (path) => ({ disks: [{ ...root, path }] })],
    ['disk.target', root.target, (target) => ({ disks: [{ ...root, target }] })],
    ['interface.tap', eth0.tap, (tap) => ({ interfaces: [{ ...eth0, tap }] })],
    ['interface.macAddress', eth0.macAddress, (macAddress) => ({ interfaces: [{ ...eth0, macAddress }] })],
    ...(['namespace', 'name', 'installationUid', 'definitionHash', 'restartToken'] as const).map(
      (field): [string, string, (text: string) => Partial<DomainSpec>] => [
        `metadata.${field}`,
        'web',
        (text) => ({ metadata: { ...web.metadata, [field]: text } }),
      ],
    ),
  ])('a hostile %s is refused by name, or changes nothing but its own value', (field, good, change) => {
    /** The markup alone, without the values in it. */
    const markup = (xml: string) => xml.replace(/"[^"]*"/g, '""').replace(/>[^<]*</g, '><');
    fc.assert(
      fc.property(spoilt(good), (text) => {
        let xml: string;
        try {
          xml = buildDomainXml({ ...web, ...change(text) });
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidDomainSpec);
          expect((error as Error).message).toContain(`${field} is `);
          return;
        }
        expect(markup(xml)).toBe(markup(buildDomainXml({ ...web, ...change(good) })));
        // Any way to end a line would be normalised by XML's readers, and by libvirt.
        expect(xml).not.toMatch(/[\p{Cc}]/u);
        const wanted = { ...web, ...change(text) };
        const back = parseDomainXml(xml);
        expect(back.metadata).toEqual(wanted.metadata);
        expect(back.disks.map(({ path, target }) => [path, target])).toEqual([
          ...wanted.disks.map(({ path, target }) => [path, target]),
          [wanted.seedPath, 'vdz'],
        ]);
        expect(back.interfaces).toEqual(wanted.interfaces);
      }),
      { numRuns: 150 },
    );
  });

  test.each<[string, Partial<DomainSpec>]>([
    ['uuid', { uuid: 'web' }],
    ['cpus', { cpus: 0 }],
    ['maxCpus', { cpus: 4, maxCpus: 2 }],
    ['memoryBytes', { memoryBytes: 1000 }],
    ['seedPath', { seedPath: 'json:{"driver":"nbd"}' }],
    ['consoleLogPath', { consoleLogPath: '/data/../etc/passwd' }],
    ['disk.path', { disks: [{ ...web.disks[0], path: 'nbd:host:1' } as DomainSpec['disks'][number]] }],
    ['disk.target', { disks: [{ ...web.disks[0], target: 'sda' } as DomainSpec['disks'][number]] }],
    ['disks[].target', { disks: [...web.disks, ...web.disks] }],
    ['interface.tap', { interfaces: [{ tap: '../x', macAddress: '02:00:00:00:00:01', mtu: 1500 }] }],
    ['interface.macAddress', { interfaces: [{ tap: 'plt0', macAddress: 'nonsense', mtu: 1500 }] }],
    ['metadata.name', { metadata: { ...web.metadata, name: 'a\u0000b' } }],
  ])('refuses a bad %s by name', (field, change) => {
    const build = () => buildDomainXml({ ...web, ...change });
    expect(build).toThrow(InvalidDomainSpec);
    expect(build).toThrow(field);
  });

  test('UEFI, KVM: pflash with its own variables, no emulator cache', () => {
    const xml = buildDomainXml({
      ...web,
      accelerator: 'kvm',
      firmware: { type: 'uefi', nvramPath: '/data/nvram/x.fd' },
    });
    expect(xml).toContain('<loader readonly="yes" type="pflash">/usr/share/OVMF/OVMF_CODE_4M.fd</loader>');
    expect(xml).toContain('>/data/nvram/x.fd</nvram>');
    expect(xml).not.toContain('tb-cache');
    expect(parseDomainXml(xml).firmware).toBe('uefi');
  });
});

describe('device XML', () => {
  test('a disk is a file with an explicit format', () => {
    expect(buildDiskXml({ ...(web.disks[0] as DomainSpec['disks'][number]), readOnly: true })).toBe(
      '<disk type="file" device="disk"><driver name="qemu" type="qcow2" cache="writeback" io="threads" discard="unmap"/>' +
        '<source file="/data/disks/6f1c1d9e-0000-4000-8000-000000000002/disk.qcow2"/><target dev="vda" bus="virtio"/>' +
        '<serial>6f1c1d9e-0000-4000-8</serial><readonly/><boot order="1"/></disk>',
    );
    expect(diskReferenceXml({ target: 'vdb', path: '/a&b' })).toContain('file="/a&amp;b"');
  });
});

describe('parseDomainXml', () => {
  test('a foreign domain has no metadata of ours, whatever its prefix says', () => {
    const foreign = (metadata: string) =>
      `<domain type='kvm'><name>n</name><uuid>u</uuid>${metadata}<memory unit='KiB'>1024</memory><vcpu>1</vcpu></domain>`;
    expect(parseDomainXml(foreign('')).metadata).toBeUndefined();
    const borrowed = `<metadata><purlin:domain xmlns:purlin="https://elsewhere/" namespace="default" name="web" installationUid="i" generation="1" definitionHash="h"/></metadata>`;
    expect(parseDomainXml(foreign(borrowed)).metadata).toBeUndefined();
  });

  test('our metadata is known by its namespace, not by its prefix', () => {
    const xml = buildDomainXml(web).replaceAll('purlin:', 'p:').replaceAll(':purlin=', ':p=');
    expect(parseDomainXml(xml).metadata).toEqual(web.metadata);
  });

  test('says what is wrong with other XML', () => {
    expect(() => parseDomainXml('<network/>')).toThrow(UnreadableDomainXml);
    expect(() => parseDomainXml('<domain><name>n</name></domain>')).toThrow(UnreadableDomainXml);
  });
});
