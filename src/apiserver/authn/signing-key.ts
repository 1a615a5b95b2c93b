import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { writePrivately } from '../pki.ts';
import { signingKeyOf } from './jwt.ts';
import type { SigningKey } from './jwt.ts';

/** The key that signs ServiceAccount tokens, kept for ever: without it every token becomes worthless. */
export async function loadSigningKey(file: string): Promise<SigningKey> {
  try {
    return signingKeyOf(createPrivateKey(await readFile(file, 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await writePrivately(file, privateKey.export({ type: 'pkcs8', format: 'pem' }) as string);
  return signingKeyOf(privateKey);
}
