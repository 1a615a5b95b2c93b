import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { externalEndpoint } from '../../../src/compose/external-api.ts';
import { prepareGround } from '../../support/host-under-test.ts';
import { Installation } from '../../support/installation.ts';
import { WorldView } from '../../support/world-view.ts';
import type { Surroundings } from '../cast.ts';
import { UserApi } from './user-api.ts';

/** The built product on libvirt, in a namespace of its own, with what transitions need to be there. */
export class RealSite extends Installation {
  surroundings: Surroundings = { importDir: this.importDir, demoChecksum: '' };
  api!: UserApi;
  view!: WorldView;
  readonly #listeners = new Set<() => void>();
  #disposal: Promise<void> | undefined;

  static async start(): Promise<RealSite> {
    const site = new RealSite(await prepareGround('campaign'));
    await site.#publishImages();
    await site.up();
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
    await execa('qemu-img', ['create', '-q', '-f', 'qcow2', at('demo.qcow2'), '128M']);
    await execa('qemu-img', [
      'create',
      '-q',
      '-f',
      'qcow2',
      '-F',
      'qcow2',
      '-b',
      at('demo.qcow2'),
      at('backed.qcow2'),
    ]);
    await writeFile(at('text.qcow2'), 'no image\n'.repeat(100));
    const demoChecksum = createHash('sha256')
      .update(await readFile(at('demo.qcow2')))
      .digest('hex');
    this.surroundings = { importDir: this.importDir, demoChecksum };
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
