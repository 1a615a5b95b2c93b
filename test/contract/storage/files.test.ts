import { fileWorld } from './file-world.ts';
import { storageContract } from './storage-contract.ts';

storageContract('FileStorage', () => fileWorld());
