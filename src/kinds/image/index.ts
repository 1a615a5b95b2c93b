import type { KindDefinition } from '../../plan/kind.ts';
import type { Disk, Image } from '../../resources/kinds.ts';
import { keyOf } from '../../resources/metadata.ts';
import { type ImageInput, planImage } from './plan.ts';
import { imageStatus } from './status.ts';

export const image: KindDefinition<Image, ImageInput> = {
  kind: 'Image',
  plural: 'images',
  watches: [
    {
      kind: 'Disk',
      reads: (disk) => (disk as Disk).spec.source,
      keys: (changed) => {
        const name = (changed as Disk).spec.source?.imageRef?.name;
        return name === undefined ? [] : [`${changed.metadata.namespace}/${name}`];
      },
    },
  ],
  gather: (image, reader) => ({
    image,
    hosts: reader.hosts(),
    users: reader
      .find('Disk', 'image', keyOf(image))
      .map((disk) => disk.metadata.name)
      .sort(),
  }),
  plan: planImage,
  status: imageStatus,
};
