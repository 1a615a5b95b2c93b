export { createFileStorage, type FileStorageOptions, type StorageLogger } from './file-storage.ts';
export { SimulatedStorage, type StorageOperation } from './simulated.ts';
