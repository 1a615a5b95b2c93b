import { SimulatedStorage } from '../../../src/host/storage/index.ts';
import { storageContract } from './storage-contract.ts';

storageContract('SimulatedStorage', async () => {
  const storage = new SimulatedStorage();
  return {
    storage,
    publishFile: async (name, bytes, content) => {
      storage.publish(`/images/${name}`, bytes, content);
      return { file: `/images/${name}` };
    },
    publishUrl: async (name, bytes, content) => {
      storage.publish(`https://images.test/${name}`, bytes, content);
      return { url: `https://images.test/${name}` };
    },
    missingUrl: 'https://images.test/none',
    loseDisk: async (diskUid) => storage.loseDisk(diskUid),
    loseImage: async (digest) => storage.loseImage(digest),
    cleanup: () => storage.close(),
  };
});
