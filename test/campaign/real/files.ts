/** Disks, images and seeds as qemu-img and xorriso see them. */
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import type { SeenDisk, SeenImage, SeenSeed } from '../oracle/picture.ts';

interface QemuInfo {
  'virtual-size': number;
  format: string;
  'full-backing-filename'?: string;
}

/** Also of a file that a guest has open. */
async function info(path: string): Promise<QemuInfo> {
  const { stdout } = await execa('qemu-img', ['info', '--force-share', '--output=json', path]);
  return JSON.parse(stdout) as QemuInfo;
}

/** Larger than any that could be asked for. */
const ANY_FILE_BYTES = 2 ** 50;

/** The size of the largest file that a file system takes, tried with a sparse one. */
export async function largestFileBytes(directory: string): Promise<number> {
  const path = join(directory, 'largest-file');
  const takes = (bytes: number): Promise<boolean> =>
    truncate(path, bytes).then(
      () => true,
      () => false,
    );
  await writeFile(path, '');
  try {
    if (await takes(ANY_FILE_BYTES)) return ANY_FILE_BYTES;
    let [taken, refused] = [0, ANY_FILE_BYTES];
    while (refused - taken > 1) {
      const bytes = Math.floor((taken + refused) / 2);
      if (await takes(bytes)) taken = bytes;
      else refused = bytes;
    }
    return taken;
  } finally {
    await rm(path);
  }
}

const entries = (directory: string): Promise<string[]> => readdir(directory).catch(() => []);

/** Disks of these UIDs in full, and all others by their UIDs. */
export async function readDisks(
  dataDir: string,
  wanted: ReadonlySet<string>,
): Promise<{ disks: SeenDisk[]; others: string[] }> {
  const uids = await entries(join(dataDir, 'disks'));
  const disks: SeenDisk[] = [];
  for (const diskUid of uids.filter((uid) => wanted.has(uid))) {
    const directory = join(dataDir, 'disks', diskUid);
    if (!existsSync(join(directory, 'disk.img'))) continue;
    const { format, ...seen } = await info(join(directory, 'disk.img'));
    const digest = /blobs\/([0-9a-f]{64})\//.exec(seen['full-backing-filename'] ?? '')?.[1];
    disks.push({
      diskUid,
      sizeBytes: seen['virtual-size'],
      format,
      ...(digest !== undefined && { backing: `sha256:${digest}` }),
      retained: existsSync(join(directory, 'retained.json')),
    });
  }
  const retained = (uid: string): boolean => existsSync(join(dataDir, 'disks', uid, 'retained.json'));
  return { disks, others: uids.filter((uid) => !wanted.has(uid) && !retained(uid)) };
}

/** Cached images of these UIDs in full, and all others by their UIDs: another namespace may be deleting those. */
export async function readImages(
  dataDir: string,
  wanted: ReadonlySet<string>,
): Promise<{ images: SeenImage[]; others: string[] }> {
  const refs = (await entries(join(dataDir, 'images/refs'))).filter((name) => name.endsWith('.json'));
  const uids = refs.map((name) => name.slice(0, -'.json'.length));
  const images: SeenImage[] = [];
  for (const imageUid of uids.filter((uid) => wanted.has(uid))) {
    const text = await readFile(join(dataDir, 'images/refs', `${imageUid}.json`), 'utf8').catch(() => '');
    const digest = /[0-9a-f]{64}/.exec(text)?.[0];
    const path = join(dataDir, 'images/blobs', digest ?? '', 'image.img');
    if (digest === undefined || !existsSync(path)) continue;
    const seen = await info(path);
    images.push({ imageUid, format: seen.format, virtualSizeBytes: seen['virtual-size'] });
  }
  return { images, others: uids.filter((uid) => !wanted.has(uid)) };
}

/** The texts in the seed of a Machine. */
export async function readSeed(dataDir: string, machineUid: string): Promise<SeenSeed | undefined> {
  const iso = join(dataDir, 'seeds', `${machineUid}.iso`);
  if (!existsSync(iso)) return undefined;
  const directory = await mkdtemp(join(tmpdir(), 'purlin-seed-'));
  try {
    await execa('xorriso', ['-osirrox', 'on', '-indev', iso, '-extract', '/', directory]);
    const text = (name: string): Promise<string> => readFile(join(directory, name), 'utf8').catch(() => '');
    return { machineUid, metaData: await text('meta-data'), userData: await text('user-data') };
  } finally {
    // What is extracted is read-only.
    await rm(directory, { recursive: true, force: true });
  }
}

export const seedUids = async (dataDir: string): Promise<string[]> =>
  (await entries(join(dataDir, 'seeds')))
    .filter((name) => name.endsWith('.iso'))
    .map((name) => name.slice(0, -'.iso'.length));
