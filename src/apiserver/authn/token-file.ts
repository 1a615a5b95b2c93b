import { readFile } from 'node:fs/promises';
import type { User } from './user.ts';

/** The token file of a Kubernetes API server: `token,user,uid,"group1,group2"` on each line. Absent → empty. */
export async function readTokenFile(file: string): Promise<[string, User][]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '' || line.startsWith('#')) return [];
    const match = /^([^,]+),([^,]+),([^,]*)(?:,(?:"([^"]*)"|([^,]*)))?\s*$/.exec(line);
    if (!match) throw new Error(`${file}, line ${index + 1}: expected token,user,uid,"groups"`);
    const [, token = '', name = '', uid = '', quoted, plain] = match;
    const groups = (quoted ?? plain ?? '').split(',').map((group) => group.trim());
    return [[token.trim(), { name, ...(uid && { uid }), groups: groups.filter(Boolean) }] as [string, User]];
  });
}
