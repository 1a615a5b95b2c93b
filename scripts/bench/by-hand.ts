/** The same guest made by hand, with the tools that an administrator would use: the floor that Purlin is compared with. */
import { randomUUID } from 'node:crypto';
import { chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import type { BenchSite } from './site.ts';

/** Makes guests like a given one of Purlin's: the same domain XML, another identity. */
export class ByHand {
  readonly #site: BenchSite;
  readonly #directory: string;
  readonly #template: string;
  readonly #owner: { uid: number; gid: number };
  readonly #made: { name: string; tap: string }[] = [];

  private constructor(site: BenchSite, template: string, owner: { uid: number; gid: number }) {
    this.#site = site;
    this.#template = template;
    this.#owner = owner;
    this.#directory = join(site.dataDir, 'by-hand');
  }

  static async like(site: BenchSite, machineUid: string): Promise<ByHand> {
    const { stdout } = await execa('virsh', ['-c', site.libvirtUri, 'dumpxml', '--inactive', machineUid]);
    const pid = await site.qemuOf(machineUid);
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const id = (name: string): number => Number(new RegExp(`^${name}:\\t(\\d+)`, 'm').exec(status)?.[1]);
    const made = new ByHand(site, stdout, { uid: id('Uid'), gid: id('Gid') });
    await mkdir(made.#directory, { mode: 0o711 });
    return made;
  }

  /** Overlay, seed, tap, define, start, one after the other; resolves with the milliseconds that it took. */
  async make(bridge: string): Promise<number> {
    const startedAt = performance.now();
    const uuid = randomUUID();
    const name = `by-hand-${uuid.slice(0, 8)}`;
    const tap = `bh${uuid.slice(0, 8)}`;
    const at = (file: string): string => join(this.#directory, `${uuid}-${file}`);
    const [disk, seed, xml] = [at('disk.qcow2'), at('seed.iso'), at('domain.xml')];
    await execa('qemu-img', [
      'create',
      '-q',
      '-f',
      'qcow2',
      '-F',
      'qcow2',
      '-b',
      this.#site.image,
      disk,
      '268435456',
    ]);
    const content = at('seed');
    await mkdir(content);
    await writeFile(join(content, 'meta-data'), `instance-id: ${uuid}\n`);
    await writeFile(join(content, 'user-data'), '');
    await writeFile(join(content, 'network-config'), 'version: 2\nethernets: {}\n');
    await execa('xorriso', ['-as', 'mkisofs', '-quiet', '-o', seed, '-V', 'cidata', '-J', '-r', content]);
    for (const file of [disk, seed]) await chown(file, this.#owner.uid, this.#owner.gid);
    const ip = (...args: string[]) => execa('ip', ['-n', this.#site.netns, ...args]);
    await ip('tuntap', 'add', 'dev', tap, 'mode', 'tap', 'vnet_hdr');
    await ip('link', 'set', tap, 'master', bridge, 'up');
    await writeFile(xml, this.#domain({ uuid, name, tap, disk, seed, log: at('console.log') }));
    await execa('virsh', ['-c', this.#site.libvirtUri, 'define', xml]);
    await execa('virsh', ['-c', this.#site.libvirtUri, 'start', name]);
    const took = performance.now() - startedAt;
    this.#made.push({ name, tap });
    return took;
  }

  async removeAll(): Promise<void> {
    for (const { name, tap } of this.#made.splice(0)) {
      await execa('virsh', ['-c', this.#site.libvirtUri, 'destroy', name]);
      await execa('virsh', ['-c', this.#site.libvirtUri, 'undefine', name]);
      await execa('ip', ['-n', this.#site.netns, 'link', 'delete', tap]);
    }
    await rm(this.#directory, { recursive: true, force: true });
    await mkdir(this.#directory, { mode: 0o711 });
  }

  #domain(its: { uuid: string; name: string; tap: string; disk: string; seed: string; log: string }): string {
    const mac = ['02', ...(its.uuid.replaceAll('-', '').slice(0, 10).match(/../g) ?? [])].join(':');
    let images = 0;
    return this.#template
      .replace(/<metadata>.*?<\/metadata>/s, '')
      .replace(/<name>.*?<\/name>/, `<name>${its.name}</name>`)
      .replace(/<uuid>.*?<\/uuid>/, `<uuid>${its.uuid}</uuid>`)
      .replace(/<source file='[^']*'/g, (source) =>
        images++ === 0 ? `<source file='${its.disk}'` : images === 2 ? `<source file='${its.seed}'` : source,
      )
      .replace(/<log file='[^']*'/g, `<log file='${its.log}'`)
      .replace(/<mac address='[^']*'/, `<mac address='${mac}'`)
      .replace(/<target dev='plt[^']*'/, `<target dev='${its.tap}'`);
  }
}
