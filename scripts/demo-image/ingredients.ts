/** The Debian packages that the guest is made of. They are downloaded and unpacked, never installed. */
import { candidates, type PackageVersion } from '../lib/debian.ts';

const kernelMetaPackage = 'linux-image-cloud-amd64';

const guestPackages = [
  'busybox-static',
  'dropbear-bin',
  'qemu-guest-agent',
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

/** Every package with the version that apt offers now: together with the recipe they identify the image. */
export async function ingredients(): Promise<PackageVersion[]> {
  const [meta] = await candidates([kernelMetaPackage]);
  const kernel = /^linux-image-[^ ,]+/.exec(meta?.depends ?? '')?.[0];
  if (kernel === undefined) throw new Error(`${kernelMetaPackage} depends on no kernel package`);
  return candidates([kernel, ...guestPackages]);
}
