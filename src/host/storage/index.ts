export { createFileStorage, type FileStorageOptions } from './file-storage.ts';
export { SimulatedStorage } from './simulated.ts';
