import { readFile, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { externalEndpoint } from '../../../src/compose/external-api.ts';
import { prepareGround } from '../../support/host-under-test.ts';
import { Installation } from '../../support/installation.ts';
import { WorldView } from '../../support/world-view.ts';
import type { Surroundings } from '../cast.ts';
import type { HostFacts } from '../oracle/picture.ts';
import { type Content, type Sources, sourceFile } from '../oracle/sources.ts';
import { largestFileBytes } from './files.ts';
import { UserApi } from './user-api.ts';

/** The built product on libvirt, in a namespace of its own, with what transitions need to be there. */
export class RealSite extends Installation {
  surroundings!: Surroundings;
  sources!: Sources;
  facts!: HostFacts;
  api!: UserApi;
  view!: WorldView;
  readonly #listeners = new Set<() => void>();
  #disposal: Promise<void> | undefined;

  static async start(): Promise<RealSite> {
    const site = new RealSite(await prepareGround('campaign'));
    await site.#publishImages();
    await site.up();
    const largest = await largestFileBytes(site.dataDir);
    site.facts = { cpus: cpus().length, memoryBytes: totalmem(), largestFileBytes: largest };
    const endpoint = await externalEndpoint(site.kubeconfig);
    site.api = new UserApi(endpoint);
    site.view = new WorldView(endpoint, () => {
      for (const listener of site.#listeners) listener();
    });
    await site.view.start();
    return site;
  }

  /** Told of every change of any object. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /** Nothing boots from it: a guest without an operating system leaves the CPUs to the others. */
  async #publishImages(): Promise<void> {
    const at = (name: string): string => join(this.importDir, name);
    const create = (...args: string[]) => execa('qemu-img', ['create', '-q', '-f', 'qcow2', ...args]);
    await create(at('demo.qcow2'), '128M');
    await create('-F', 'qcow2', '-b', at('demo.qcow2'), at('backed.qcow2'));
    await writeFile(at('text.qcow2'), 'no image\n'.repeat(100));
    const published = async (name: string, content: Content, virtualSizeBytes: number) =>
      [at(name), sourceFile(content, await readFile(at(name)), virtualSizeBytes)] as const;
    const demo = await published('demo.qcow2', 'qcow2', 2 ** 27);
    this.sources = {
      importDir: this.importDir,
      files: new Map([
        demo,
        await published('backed.qcow2', 'qcow2 on a backing file', 2 ** 27),
        await published('text.qcow2', 'text', 1_024),
      ]),
      ofUrls: 'AddressDenied',
      outside: 'FileNotAllowed',
      unpacks: 'for real',
    };
    const [sha256] = demo[1].checksums;
    this.surroundings = { importDir: this.importDir, demoChecksum: sha256.replace('sha256:', '') };
  }

  /** Once, however many ask for it: a signal may come while the end is under way. */
  override [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  async #dispose(): Promise<void> {
    await this.view?.stop();
    this.api?.close();
    await super[Symbol.asyncDispose]();
  }
}
