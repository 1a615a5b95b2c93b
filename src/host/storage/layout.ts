import { chmodSync, lstatSync, mkdirSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { errorCode, refused } from './errors.ts';

const uidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const digestForm = /^sha256:[0-9a-f]{64}$/;

/** True for the textual form of RFC 4122 in lower case, which is how Kubernetes writes UIDs. */
export const isUid = (text: string): boolean => uidForm.test(text);

/** Passes a UID through, or throws: nothing else ever becomes part of a path. */
export function checkedUid(uid: string): string {
  if (typeof uid !== 'string' || !isUid(uid))
    throw refused('InvalidUid', `${JSON.stringify(uid)} is not a UID in RFC 4122 form`);
  return uid;
}

/** The hex part of `sha256:<hex>`, or throws. */
export function digestHex(digest: string): string {
  if (typeof digest !== 'string' || !digestForm.test(digest))
    throw refused(
      'InvalidDigest',
      `${JSON.stringify(digest)} is not a digest of the form sha256:<64 hex digits>`,
    );
  return digest.slice('sha256:'.length);
}

/**
 * Where files live below the data directory:
 *
 *     disks/<diskUid>/{disk.img, complete.json[, retained.json]}
 *     images/blobs/<sha256>/{image.img, complete.json}
 *     images/refs/<imageUid>.json
 *     seeds/<machineUid>.{iso,json}
 *     machines/<machineUid>/{console.log, nvram}
 *     tmp/
 *
 * A data file has one name whatever its format, so that its path follows from the UID alone; the format stands
 * in complete.json and is always passed to tools explicitly. `tmp` is on the same file system as the rest,
 * because everything is published by rename.
 */
export class Layout {
  readonly root: string;
  readonly disks: string;
  readonly blobs: string;
  readonly refs: string;
  readonly seeds: string;
  readonly machines: string;
  readonly tmp: string;

  constructor(root: string) {
    this.root = root;
    this.disks = join(root, 'disks');
    this.blobs = join(root, 'images', 'blobs');
    this.refs = join(root, 'images', 'refs');
    this.seeds = join(root, 'seeds');
    this.machines = join(root, 'machines');
    this.tmp = join(root, 'tmp');
  }

  disk(diskUid: string): string {
    return join(this.disks, checkedUid(diskUid));
  }
  diskData(diskUid: string): string {
    return join(this.disk(diskUid), dataFileName.disk);
  }
  blob(digest: string): string {
    return join(this.blobs, digestHex(digest));
  }
  blobData(digest: string): string {
    return join(this.blob(digest), dataFileName.image);
  }
  ref(imageUid: string): string {
    return join(this.refs, `${checkedUid(imageUid)}.json`);
  }
  seedIso(machineUid: string): string {
    return join(this.seeds, `${checkedUid(machineUid)}.iso`);
  }
  seedRecord(machineUid: string): string {
    return join(this.seeds, `${checkedUid(machineUid)}.json`);
  }
  machine(machineUid: string): string {
    return join(this.machines, checkedUid(machineUid));
  }
}

export const dataFileName = { disk: 'disk.img', image: 'image.img' } as const;
export const markerName = 'complete.json';
export const retainedName = 'retained.json';

/**
 * Makes the directories that are missing, refuses unsafe ones and those of another file system, and reaps leftovers in
 * tmp/ (they were never published, so nobody has data in them). Directories are searchable by others (0711), so that an
 * unprivileged QEMU reaches its files while it can list nothing; tmp/ is private.
 */
export function openLayout(dataDir: string): Layout {
  if (!isAbsolute(dataDir))
    throw refused('DataDirectoryUnsafe', `data directory ${dataDir} must be an absolute path`);
  if (mkdirSync(dataDir, { recursive: true }) !== undefined) chmodSync(dataDir, 0o711);
  // The operator may well point /var/lib/purlin elsewhere; below the root no symlink is followed.
  const layout = new Layout(realpathSync(dataDir));
  checkDirectory(layout.root);
  const images = join(layout.root, 'images');
  for (const path of [layout.disks, images, layout.blobs, layout.refs, layout.seeds, layout.machines])
    ensureDirectory(path, 0o711);
  ensureDirectory(layout.tmp, 0o700);
  for (const path of [layout.disks, images, layout.blobs, layout.refs, layout.seeds])
    checkSameFileSystem(path, layout.tmp);
  for (const name of readdirSync(layout.tmp))
    rmSync(join(layout.tmp, name), { recursive: true, force: true });
  return layout;
}

function ensureDirectory(path: string, mode: number): void {
  try {
    mkdirSync(path);
    chmodSync(path, mode); // mkdir's own mode is cut by the umask.
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  }
  checkDirectory(path);
}

/** Nothing could be published from tmp/ to where rename(2) does not reach (EXDEV). */
function checkSameFileSystem(path: string, tmp: string): void {
  if (lstatSync(path).dev === lstatSync(tmp).dev) return;
  throw refused(
    'DataDirectoryUnsafe',
    `${path} is on another file system than ${tmp}, and files are moved between them by rename; unmount it, and mount the ` +
      'file system that is to have the data as the whole data directory',
  );
}

function checkDirectory(path: string): void {
  const stat = lstatSync(path);
  const problem = !stat.isDirectory()
    ? 'is not a directory (symbolic links are not followed)'
    : stat.uid !== process.geteuid?.()
      ? `belongs to uid ${stat.uid}, not to the user that Purlin runs as`
      : (stat.mode & 0o022) !== 0
        ? 'is writable by other users; remove their write permission'
        : undefined;
  if (problem) throw refused('DataDirectoryUnsafe', `${path} ${problem}`);
}
