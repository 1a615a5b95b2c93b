/** CustomResourceDefinitions in a directory of YAML files. */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../object.ts';
import type { CustomResourceDefinition } from './definition.ts';

export interface DefinitionFile {
  readonly file: string;
  readonly object: KubeObject;
}

/** The definitions of a directory, as they are there; for those who have nothing else to do with the files. */
export async function readCrdFiles(directory: string): Promise<CustomResourceDefinition[]> {
  return (await readDefinitionFiles(directory)).map(({ object }) => object as CustomResourceDefinition);
}

/** Reads every CustomResourceDefinition of a directory. Throws an Error that names the file at fault. */
export async function readDefinitionFiles(directory: string): Promise<DefinitionFile[]> {
  const names = (await readdir(directory)).filter((name) => /\.ya?ml$/.test(name)).sort();
  const found: DefinitionFile[] = [];
  for (const name of names) {
    const file = join(directory, name);
    for (const document of parseAllDocuments(await readFile(file, 'utf8'))) {
      if (!('errors' in document)) continue;
      if (document.errors[0]) throw new Error(`${file}: ${document.errors[0].message}`);
      const object = document.toJS({ maxAliasCount: 100 }) as KubeObject | null;
      if (object?.kind === 'CustomResourceDefinition') found.push({ file, object });
    }
  }
  return found;
}
