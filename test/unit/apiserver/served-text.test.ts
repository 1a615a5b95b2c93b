import { describe, expect, test } from '@jest/globals';
import { builtinResources } from '../../../src/apiserver/builtin/index.ts';
import { encodeObject, readEntry } from '../../../src/apiserver/codec.ts';
import { servedResources } from '../../../src/apiserver/crd/resources.ts';
import { listedText, servedText } from '../../../src/apiserver/read/served-text.ts';
import type { Resource } from '../../../src/apiserver/resource.ts';
import type { Schema } from '../../../src/apiserver/schema/schema.ts';

const properties: Record<string, Schema> = {
  spec: {
    type: 'object',
    properties: { color: { type: 'string', default: 'red' }, note: { type: 'string' } },
  },
};
const version = (name: string, storage: boolean) => ({
  name,
  served: true,
  storage,
  schema: { openAPIV3Schema: { type: 'object', properties } },
});
const names = { kind: 'Boat', plural: 'boats' };
const spec = {
  group: 'example.com',
  scope: 'Namespaced' as const,
  names,
  versions: [version('v2', false), version('v1', true)],
};
const [v2, v1] = servedResources(spec, names, 'serving') as [Resource, Resource];
const builtin = (group: string, plural: string): Resource => {
  const found = builtinResources().find((one) => one.group === group && one.plural === plural);
  if (!found) throw new Error(`there is no ${plural} in ${group}`);
  return found;
};

const METADATA = { name: 'a', namespace: 'n', uid: 'u' };
const boat = (fields: object): string =>
  encodeObject({ apiVersion: 'example.com/v1', kind: 'Boat', metadata: METADATA, ...fields });
const event = encodeObject({
  apiVersion: 'v1',
  kind: 'Event',
  metadata: METADATA,
  involvedObject: { kind: 'Boat' },
  message: 'it "floats"',
});
let revision = 100;

describe('the text of a stored object says what the object would', () => {
  test.each<[string, string, Resource]>([
    ['stored as it is served', boat({ spec: { color: 'blue' } }), v1],
    ['older than a default', boat({ spec: {} }), v1],
    ['with a null, from before nulls were dropped', boat({ spec: { color: 'red', note: null } }), v1],
    ['of another version than the one that is stored', boat({ spec: { color: 'red' } }), v2],
    [
      'that another server wrote in another order',
      JSON.stringify({
        metadata: METADATA,
        spec: { color: 'red' },
        kind: 'Boat',
        apiVersion: 'example.com/v1',
      }),
      v1,
    ],
    ['with text that looks like metadata', boat({ spec: { color: '{"metadata":{' } }), v1],
    ['built-in', event, builtin('', 'events')],
    ['in its other form', event, builtin('events.k8s.io', 'events')],
  ])('%s', (_, value, resource) => {
    const entry = { key: 'k', value, revision: revision++ };
    const object = readEntry(entry, resource);
    // The second time it is known whether it is served as it is stored.
    for (const text of [servedText(entry, resource), servedText(entry, resource)])
      expect(JSON.parse(text)).toEqual(object);
    const { apiVersion, kind, ...listed } = object;
    const item: unknown = JSON.parse(listedText(entry, resource));
    expect(item).toEqual(resource.custom ? { apiVersion, kind, ...listed } : listed);
  });
});
