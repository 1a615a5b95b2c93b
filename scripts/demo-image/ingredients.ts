/** The Debian packages that the guest is made of. They are downloaded and unpacked, never installed. */
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir } from '../lib/checkout.ts';
import { candidates, type PackageVersion } from '../lib/debian.ts';

const kernelMetaPackage = 'linux-image-cloud-amd64';

const guestPackages = [
  'busybox-static',
  'dropbear-bin',
  'qemu-guest-agent',
  'syslinux-common',
  'syslinux-efi',
  // What dropbear and the guest agent link against; a library that is missing here fails the build by name.
  'libc6',
  'libcrypt1',
  'libglib2.0-0',
  'libgmp10',
  'libnuma1',
  'libpcre2-8-0',
  'libtomcrypt1',
  'libtommath1',
  'libudev1',
  'liburing2',
  'zlib1g',
];

/**
 * Every package with the version that apt offers now: together with the recipe they identify the image.
 * The answer is kept for as long as apt's lists stay the same, because apt can take more than a second for it.
 */
export async function ingredients(): Promise<PackageVersion[]> {
  const listsChangedAtMs = (await stat('/var/lib/apt/lists')).mtimeMs;
  const question = JSON.stringify([listsChangedAtMs, guestPackages]);
  const file = join(cacheDir, 'demo-image/ingredients.json');
  const kept = await readFile(file, 'utf8').then(parseKept, () => undefined);
  if (kept?.question === question) return kept.answer;
  const answer = await askApt();
  await mkdir(join(cacheDir, 'demo-image'), { recursive: true });
  await writeFile(file, JSON.stringify({ question, answer } satisfies Kept, null, 1));
  return answer;
}

interface Kept {
  question: string;
  answer: PackageVersion[];
}

function parseKept(text: string): Kept {
  return JSON.parse(text) as Kept;
}

async function askApt(): Promise<PackageVersion[]> {
  const [meta] = await candidates([kernelMetaPackage]);
  const kernel = /^linux-image-[^ ,]+/.exec(meta?.depends ?? '')?.[0];
  if (kernel === undefined) throw new Error(`${kernelMetaPackage} depends on no kernel package`);
  return candidates([kernel, ...guestPackages]);
}
