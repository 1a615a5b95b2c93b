import type { Change, Entry } from '../store/index.ts';
import { toServed, toStored } from './crd/convert.ts';
import type { KubeObject } from './object.ts';
import type { Resource } from './resource.ts';

/** A stored entry as an object; the resourceVersion is the revision that wrote it. */
export function decodeEntry(entry: Entry): KubeObject {
  return withVersion(JSON.parse(entry.value) as KubeObject, entry.revision);
}

/** A stored entry as clients of one version of its resource see it. */
export const readEntry = (entry: Entry, resource: Resource): KubeObject =>
  toServed(decodeEntry(entry), resource);

function withVersion(object: KubeObject, revision: number): KubeObject {
  object.metadata.resourceVersion = String(revision);
  return object;
}

/** What is stored: everything but the resourceVersion, which is not known before the write. */
export function encodeObject(object: KubeObject): string {
  const { resourceVersion: _, ...metadata } = object.metadata;
  return JSON.stringify({ ...object, metadata });
}

/** An object that a client wrote, in the version that the store holds of its resource. */
export const encodeFor = (resource: Resource, object: KubeObject): string =>
  encodeObject(toStored(object, resource));

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

const served = new WeakMap<Resource, WeakMap<Change, DecodedChange>>();

/** A change's objects as clients of one version see them, made once for all of its watchers; do not modify them. */
export function readChange(change: Change, resource: Resource): DecodedChange {
  if (!resource.custom && !resource.storedForm) return decodeChange(change);
  const ofResource = served.get(resource) ?? new WeakMap<Change, DecodedChange>();
  served.set(resource, ofResource);
  let result = ofResource.get(change);
  if (!result) {
    const { current, previous } = structuredClone(decodeChange(change));
    result = {
      current: current && toServed(current, resource),
      previous: previous && toServed(previous, resource),
    };
    ofResource.set(change, result);
  }
  return result;
}
