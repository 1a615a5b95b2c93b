import type { Change, Entry } from '../store/index.ts';
import type { KubeObject } from './object.ts';

/** A stored entry as an object; the resourceVersion is the revision that wrote it. */
export function decodeEntry(entry: Entry): KubeObject {
  return withVersion(JSON.parse(entry.value) as KubeObject, entry.revision);
}

function withVersion(object: KubeObject, revision: number): KubeObject {
  object.metadata.resourceVersion = String(revision);
  return object;
}

/** What is stored: everything but the resourceVersion, which is not known before the write. */
export function encodeObject(object: KubeObject): string {
  const { resourceVersion: _, ...metadata } = object.metadata;
  return JSON.stringify({ ...object, metadata });
}

interface DecodedChange {
  current: KubeObject | undefined;
  previous: KubeObject | undefined;
}

const decoded = new WeakMap<Change, DecodedChange>();

/**
 * A change's objects, decoded once for all watchers; do not modify them. Both carry the change's own version:
 * the last state of a deleted object is sent with the version of its deletion.
 */
export function decodeChange(change: Change): DecodedChange {
  let result = decoded.get(change);
  if (!result) {
    const read = (value: string | undefined) =>
      value === undefined ? undefined : withVersion(JSON.parse(value) as KubeObject, change.revision);
    result = { current: read(change.value), previous: read(change.previous?.value) };
    decoded.set(change, result);
  }
  return result;
}
