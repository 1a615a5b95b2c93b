/**
 * The JSON text of stored objects as clients see them. Most are stored just so: then the text is handed on, which
 * saves taking each apart and putting it together again.
 */
import type { Entry } from '../../store/index.ts';
import { encodeObject, readEntry } from '../codec.ts';
import type { KubeObject } from '../object.ts';
import type { Resource } from '../resource.ts';

const MAX_KNOWN = 50_000;

/** By the version of their resource, the revisions of those that were found to be served as they are stored. */
const known = new WeakMap<Resource, Set<number>>();

/** An object of its own. */
export function servedText(entry: Entry, resource: Resource): string {
  const rest = unchangedRest(entry, resource);
  if (rest === undefined) return JSON.stringify(readEntry(entry, resource));
  return `${headOf(resource)}${versionOf(entry)},${rest}`;
}

/** An item of a list: those of built-in kinds do not say what they are, since the list does. */
export function listedText(entry: Entry, resource: Resource): string {
  if (resource.custom) return servedText(entry, resource);
  const rest = unchangedRest(entry, resource);
  if (rest === undefined) return JSON.stringify(withoutType(readEntry(entry, resource)));
  return `{"metadata":{${versionOf(entry)},${rest}`;
}

/** As {@link listedText}, of an object that was read. */
export const listedObject = (object: KubeObject, resource: Resource): object =>
  resource.custom ? object : withoutType(object);

const withoutType = (object: KubeObject): object => ({
  ...object,
  apiVersion: undefined,
  kind: undefined,
});

const versionOf = ({ revision }: Entry): string => `"resourceVersion":"${revision}"`;

/** What an object's text begins with; see `encodeObject`. */
const headOf = ({ apiVersion, kind }: Resource): string =>
  `{"apiVersion":${JSON.stringify(apiVersion)},"kind":${JSON.stringify(kind)},"metadata":{`;

/** What follows the head, if the object is served as it is stored. */
function unchangedRest(entry: Entry, resource: Resource): string | undefined {
  if (resource.storedForm) return undefined;
  const head = headOf(resource);
  const { value } = entry;
  return value.startsWith(head) && isServedAsStored(entry, resource) ? value.slice(head.length) : undefined;
}

/** Neither the text of a revision nor what a resource makes of it ever changes. */
function isServedAsStored(entry: Entry, resource: Resource): boolean {
  if (!resource.custom) return true;
  const revisions = known.get(resource) ?? new Set();
  if (revisions.has(entry.revision)) return true;
  if (encodeObject(readEntry(entry, resource)) !== entry.value) return false;
  if (revisions.size >= MAX_KNOWN) revisions.clear();
  known.set(resource, revisions.add(entry.revision));
  return true;
}
