import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { seedHash } from '../../values/seed-hash.ts';
import type { SeedSpec } from '../ports/storage.ts';
import { look, readRecord, removeFile, replaceRecord, sync, withWorkspace, writeNew } from './durable.ts';
import { isoVolume } from './iso9660.ts';
import { isUid, type Layout } from './layout.ts';
import { recordNames } from './listing.ts';
import type { StepHook } from './steps.ts';

/** The bytes of a NoCloud seed: cloud-init's data source on a volume labelled `cidata`. Equal content, equal bytes. */
export const buildSeedIso = ({ metaData, networkConfig, userData }: Omit<SeedSpec, 'machineUid'>): Buffer =>
  isoVolume('cidata', { 'meta-data': metaData, 'network-config': networkConfig, 'user-data': userData });

/**
 * Seed media. seeds/<uid>.json holds the hash of what the ISO beside it contains. It is removed before the ISO
 * changes and written after, so that it never vouches for another content.
 */
export class SeedFiles {
  readonly #layout: Layout;
  readonly #step: StepHook;

  constructor(layout: Layout, step: StepHook) {
    this.#layout = layout;
    this.#step = step;
  }

  /** The caller holds the seed's lock. */
  async ensure(seed: SeedSpec): Promise<void> {
    const hash = seedHash(seed);
    if ((await this.#hash(seed.machineUid)) === hash) return;
    await withWorkspace(this.#layout.tmp, 'seed', async (workspace) => {
      const iso = join(workspace, 'seed.iso');
      // User-data may hold secrets: nobody reads it but root and, once libvirt hands it over, that guest's QEMU.
      await writeNew(iso, buildSeedIso(seed), 0o600);
      await this.#step('seed.made');
      await removeFile(this.#layout.seedRecord(seed.machineUid));
      await this.#step('seed.unmarked');
      await rename(iso, this.#layout.seedIso(seed.machineUid));
      await sync(this.#layout.seeds);
      await this.#step('seed.published');
      await replaceRecord(this.#layout.seedRecord(seed.machineUid), { hash }, this.#layout.tmp);
      await this.#step('seed.marked');
    });
  }

  async remove(machineUid: string): Promise<void> {
    await removeFile(this.#layout.seedRecord(machineUid));
    await removeFile(this.#layout.seedIso(machineUid));
  }

  async list(): Promise<{ machineUid: string; hash: string }[]> {
    const uids = (await recordNames(this.#layout.seeds, '.json')).filter(isUid);
    const seeds = await Promise.all(
      uids.map(async (machineUid) => ({ machineUid, hash: await this.#hash(machineUid) })),
    );
    return seeds.flatMap(({ machineUid, hash }) => (hash === undefined ? [] : [{ machineUid, hash }]));
  }

  async #hash(machineUid: string): Promise<string | undefined> {
    const record = await readRecord(this.#layout.seedRecord(machineUid));
    const iso = await look(this.#layout.seedIso(machineUid));
    return iso?.isFile() && typeof record?.['hash'] === 'string' ? record['hash'] : undefined;
  }
}
