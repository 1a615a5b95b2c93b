import type { HostView } from '../../plan/kind.ts';
import { knownHosts } from '../../plan/known-hosts.ts';
import { type Outcome, act, settled, waiting } from '../../plan/outcome.ts';
import { claimFinalizer, releaseFinalizer, removeFrom } from '../../plan/removal.ts';
import type { Image } from '../../resources/kinds.ts';
import { deleting } from '../../resources/metadata.ts';

export interface ImageInput {
  image: Image;
  hosts: HostView[];
  /** Names of the Disks of the namespace that name this Image. */
  users: string[];
}

/** An Image is cached on every host that can be seen; it goes when no Disk names it any more. */
export function planImage({ image, hosts, users }: ImageInput): Outcome {
  if (deleting(image)) return planRemoval(image, hosts, users);
  const claim = claimFinalizer(image);
  if (claim) return claim;
  const { uid } = image.metadata;
  const { source, checksum, format, compression } = image.spec;
  const from = source.url === undefined ? { file: source.file ?? '' } : { url: source.url };

  for (const host of knownHosts(hosts, uid)) {
    const cached = host.snapshot.images[uid];
    if (cached?.state === 'complete') continue;
    const drift = image.status?.hosts?.includes(host.name) ?? false;
    return act(
      {
        on: 'host',
        hostName: host.name,
        action: { name: 'image.import', arguments: { from, checksum, format, compression } },
        lock: [uid],
      },
      {
        reason: 'Importing',
        because: drift
          ? `the cached image is gone from host ${host.name}`
          : `host ${host.name} does not have the image`,
        drift,
      },
    );
  }
  if (knownHosts(hosts, uid).length === 0) {
    return waiting('NoHost', 'no host has reported yet; start an agent (purlin up does)', 5_000);
  }
  return settled;
}

function planRemoval(image: Image, hosts: HostView[], users: string[]): Outcome {
  if (users.length > 0)
    return waiting('InUse', `in use by ${users.map((name) => `Disk ${name}`).join(', ')}`);
  const { uid } = image.metadata;
  return (
    removeFrom(hosts, uid, {
      action: { name: 'image.delete', arguments: {} },
      lock: [uid],
      because: 'the Image is being deleted and no Disk uses it',
    }) ?? releaseFinalizer('no host refers to the image any more')
  );
}
