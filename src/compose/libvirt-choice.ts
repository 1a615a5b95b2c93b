import { existsSync, readFileSync } from 'node:fs';
import { pathsOf } from './paths.ts';
import { writePrivateFile } from './private-files.ts';

export type LibvirtChoice = 'private' | 'system';

/** Another libvirt was asked for than the one that has the guests of this data directory. */
export class LibvirtChoiceKept extends Error {
  override readonly name = 'LibvirtChoiceKept';
}

/**
 * Which libvirt a host uses is chosen once and kept: guests of one cannot be seen by the other, and a disk whose guest
 * cannot be seen counts as free.
 *
 * @param asked the value of `--libvirt`
 * @returns nothing when nothing was kept, and whatever is there may be used
 * @throws LibvirtChoiceKept
 */
export function libvirtChoice(dataDir: string, asked: 'auto' | LibvirtChoice): LibvirtChoice | undefined {
  const file = pathsOf(dataDir).libvirtChoice;
  const kept = existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
  if (kept === undefined) return asked === 'auto' ? undefined : asked;
  if (kept !== 'private' && kept !== 'system')
    throw new LibvirtChoiceKept(
      `${file} says neither private nor system but ${JSON.stringify(kept)}; correct it`,
    );
  if (asked !== 'auto' && asked !== kept)
    throw new LibvirtChoiceKept(
      `--libvirt ${asked} was given, but ${file} says ${kept}: the guests of the ${kept} libvirt, and that their disks are in use, ` +
        `would not be seen any more; say --libvirt ${kept} or auto. To change it, delete every Machine, stop Purlin and remove that ` +
        `file, or remove everything with purlin down --purge`,
    );
  return kept;
}

export function keepLibvirtChoice(dataDir: string, choice: LibvirtChoice): void {
  writePrivateFile(pathsOf(dataDir).libvirtChoice, `${choice}\n`);
}
