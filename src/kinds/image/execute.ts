import { type Executors, inUse } from '../executor.ts';

export const imageExecutors: Executors<'image.import' | 'image.delete'> = {
  'image.import': async (wanted, { storage, signal }, { uid }) =>
    storage.importImage({ imageUid: uid, ...wanted }, signal),

  /** The cached file outlives this Image as long as another Image has the same content. */
  'image.delete': async (_wanted, { storage }, { uid }) => {
    const { images } = await storage.list();
    const image = images.find(({ imageUid }) => imageUid === uid);
    const shared = images.some(
      ({ imageUid, digest }) => imageUid !== uid && digest !== undefined && digest === image?.digest,
    );
    if (image && image.overlays.length > 0 && !shared) {
      throw inUse(
        `Image ${uid}`,
        image.overlays.map((diskUid) => `Disk ${diskUid}`),
      );
    }
    await storage.deleteImage(uid);
  },
};
