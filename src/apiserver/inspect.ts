/** Whether a stored value can be the object that its key names. */
import { isObject } from './object.ts';

/** Says what is wrong with it; undefined when nothing is. Keys are those of `keyOf`. */
export function inspectStored(key: string, value: string): string | undefined {
  const [root, registry, group, plural, ...place] = key.split('/');
  const name = place.pop();
  const [namespace] = place;
  if (root !== '' || registry !== 'registry' || !group || !plural || !name || place.length > 1)
    return 'the key is not one of an object';
  let object: unknown;
  try {
    object = JSON.parse(value);
  } catch (error) {
    return `it is not JSON: ${(error as Error).message}`;
  }
  if (!isObject(object) || !isObject(object['metadata'])) return 'it is not an object with metadata';
  const { apiVersion, kind, metadata } = object;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') return 'it has no apiVersion or kind';
  if (groupOf(apiVersion) !== group) return `it is of ${apiVersion}`;
  if (metadata['name'] !== name) return `it has the name ${JSON.stringify(metadata['name'])}`;
  if (metadata['namespace'] !== namespace)
    return `it is in the namespace ${JSON.stringify(metadata['namespace'])}`;
  return typeof metadata['uid'] === 'string' ? undefined : 'it has no UID';
}

const groupOf = (apiVersion: string): string =>
  apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : 'core';
