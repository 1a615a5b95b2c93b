import { join } from 'node:path';
import type { Encryption } from '../store/index.ts';
import { keyPrefix } from './resource.ts';

/** Which objects are encrypted in the store of this directory, and where the keys are. */
export const encryptionOf = (dataDir: string): Encryption => ({
  keyFile: join(dataDir, 'encryption-keys.json'),
  prefixes: [keyPrefix({ group: '', plural: 'secrets' })],
});
