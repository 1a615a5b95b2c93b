import type { Change, Entry } from '../store/index.ts';
import { toServed, toStored } from './crd/convert.ts';
import { copyJson } from '../values/copy.ts';
import type { KubeObject } from './object.ts';
import { RecentlyUsed } from './recently.ts';
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

/**
 * What is stored: everything but the resourceVersion, which is not known before the write. What the object is comes
 * first, and its metadata next.
 */
export function encodeObject({ apiVersion, kind, metadata, ...rest }: KubeObject): string {
  const { resourceVersion: _, ...stored } = metadata;
  return JSON.stringify({ apiVersion, kind, metadata: stored, ...rest });
}

/** An object that a client wrote, in the version that the store holds of its resource. */
export const encodeFor = (resource: Resource, object: KubeObject): string =>
  encodeObject(toStored(object, resource));

export interface DecodedChange {
  current: KubeObject | undefined;
  previous: KubeObject | undefined;
}

/** What was made of a change for one of its watchers, for all the others. */
interface Made {
  decoded: DecodedChange;
  served: Map<Resource, DecodedChange>;
  texts: Map<Resource, Map<string, string>>;
}

/**
 * Watchers of the same change come one soon after the other. What is made of it takes many times the memory of the
 * change itself, which is kept for longer; so this must not last as long.
 */
const MOST_CHANGES = 256;
const MOST_CHARACTERS = 2 ** 20;
const made = new RecentlyUsed<Change, Made>(MOST_CHANGES, MOST_CHARACTERS);

function madeOf(change: Change): Made {
  const known = made.get(change);
  if (known) return known;
  const read = (value: string | undefined) =>
    value === undefined ? undefined : withVersion(JSON.parse(value) as KubeObject, change.revision);
  const { value, previous } = change;
  const decoded = { current: read(value), previous: read(previous?.value) };
  const fresh = { decoded, served: new Map(), texts: new Map() };
  made.add(change, fresh, (value?.length ?? 0) + (previous?.value.length ?? 0));
  return fresh;
}

/**
 * A change's objects, decoded once for all watchers; do not modify them. Both carry the change's own version:
 * the last state of a deleted object is sent with the version of its deletion.
 */
export const decodeChange = (change: Change): DecodedChange => madeOf(change).decoded;

/** A change's objects as clients of one version see them, made once for all of its watchers; do not modify them. */
export function readChange(change: Change, resource: Resource): DecodedChange {
  const { decoded, served } = madeOf(change);
  if (!resource.custom && !resource.storedForm) return decoded;
  let result = served.get(resource);
  if (!result) {
    const { current, previous } = copyJson(decoded);
    result = {
      current: current && toServed(current, resource),
      previous: previous && toServed(previous, resource),
    };
    served.set(resource, result);
  }
  return result;
}

/** A text about a change that is the same for all watchers who ask for this kind of it; made for the first one. */
export function textOfChange(change: Change, resource: Resource, kind: string, make: () => string): string {
  const { texts } = madeOf(change);
  const ofResource = texts.get(resource) ?? new Map<string, string>();
  texts.set(resource, ofResource);
  let text = ofResource.get(kind);
  if (text === undefined) {
    text = make();
    ofResource.set(kind, text);
  }
  return text;
}
