import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { makePrivate, sync, syncDirectoryOf } from './files.ts';
import { SECRET_BYTES } from './keyring.ts';
import type { SealingKey } from './keyring.ts';
import { KeyError } from './types.ts';

/** The file as JSON; secrets in base64. The first key seals, the others open what was sealed before. */
interface KeyFile {
  keys: { id: string; secret: string }[];
}

export function makeKey(now: Date): SealingKey {
  const day = now.toISOString().slice(0, 10);
  return { id: `${day}-${randomBytes(4).toString('hex')}`, secret: randomBytes(SECRET_BYTES) };
}

/** The keys of the file; undefined when there is none. @throws KeyError when it is not what we write */
export function readKeyFile(file: string): SealingKey[] | undefined {
  if (!existsSync(file)) return undefined;
  const fault = (why: string) =>
    new KeyError(`the file of encryption keys ${file} ${why}; put it back from a copy`);
  let parsed: Partial<KeyFile> | undefined;
  try {
    parsed = JSON.parse(readFileSync(file, 'utf8')) as Partial<KeyFile>;
  } catch (error) {
    throw fault(`cannot be read: ${(error as Error).message}`);
  }
  const { keys } = parsed ?? {};
  if (!Array.isArray(keys) || keys.length === 0) throw fault('has no list of keys');
  return keys.map(({ id, secret }, i) => {
    const bytes = Buffer.from(String(secret), 'base64');
    if (typeof id !== 'string' || !/^[\w-]+$/.test(id)) throw fault(`has no id for key ${i + 1}`);
    if (bytes.length !== SECRET_BYTES) throw fault(`has a secret of the wrong length for key ${id}`);
    return { id, secret: bytes };
  });
}

/** Replaces the file in one step; it is on disk when this returns. */
export function writeKeyFile(file: string, keys: readonly SealingKey[]): void {
  const content: KeyFile = {
    keys: keys.map(({ id, secret }) => ({ id, secret: secret.toString('base64') })),
  };
  const fresh = `${file}.new`;
  rmSync(fresh, { force: true });
  makePrivate(fresh);
  writeFileSync(fresh, `${JSON.stringify(content, undefined, 2)}\n`);
  sync(fresh);
  renameSync(fresh, file);
  syncDirectoryOf(file);
}
