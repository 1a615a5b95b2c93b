import type { Answer, Scenario } from '../scenario.ts';
import { get, jsonPatch, mergePatch, post, put, remove } from '../scenario.ts';

const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const GROUP = '{ns}.example.com';

const string = { type: 'string' };
const schemaOf = (spec: object): object => ({
  openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: spec } } },
});
const version = (name: string, spec: object, more: object = {}): object => ({
  name,
  served: true,
  storage: true,
  schema: schemaOf(spec),
  ...more,
});
const definition = (plural: string, kind: string, versions: object[], more: object = {}): object => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${plural}.${GROUP}` },
  spec: { group: GROUP, scope: 'Namespaced', names: { plural, kind }, versions, ...more },
});

const established = ({ body }: Answer): boolean =>
  JSON.stringify((body as { status?: object }).status ?? {}).includes('"Established","status":"True"') ||
  /"type":"Established"[^}]*"status":"True"|"status":"True"[^}]*"type":"Established"/.test(
    JSON.stringify(body),
  );
const served = ({ status }: Answer): boolean => status === 200;
const notServed = ({ status }: Answer): boolean => status === 404;

/** Conditions are set by controllers that race; their order is no promise. */
const withSortedConditions = (crd: {
  status?: { conditions?: { type: string }[] };
  metadata?: object;
}): unknown => ({
  ...crd,
  metadata: { ...crd.metadata, managedFields: undefined, resourceVersion: undefined },
  ...(crd.status && {
    status: {
      ...crd.status,
      conditions: [...(crd.status.conditions ?? [])].sort((a, b) => a.type.localeCompare(b.type)),
    },
  }),
});

const PENS = `/apis/${GROUP}/v1/namespaces/{ns}/pens`;
const pen = (name: string, spec: object, apiVersion = 'v1'): object => ({
  apiVersion: `${GROUP}/${apiVersion}`,
  kind: 'Pen',
  metadata: { name },
  spec,
});
const refused = (name: string, versions: object[], more: object = {}) =>
  post(name, CRDS, definition('bads', 'Bad', versions, more));

export const definitions: Scenario = {
  name: 'definitions',
  covers: 'CustomResourceDefinitions as objects: conditions, serving, versions, validation, deletion',
  steps: [
    post('pens', CRDS, definition('pens', 'Pen', [version('v1', { ink: string })]), {
      view: withSortedConditions,
    }),
    get('established', `${CRDS}/pens.${GROUP}`, { until: established, view: withSortedConditions }),
    get('served', PENS, { until: served }),
    post('pen', PENS, pen('one', { ink: 'blue', cap: true })),
    get('resources', `/apis/${GROUP}/v1`),
    post('again', CRDS, definition('pens', 'Pen', [version('v1', { ink: string })])),
    post('same kind', CRDS, definition('biros', 'Pen', [version('v1', { ink: string })]), {
      view: withSortedConditions,
    }),
    get('not accepted', `${CRDS}/biros.${GROUP}`, {
      until: ({ body }) => JSON.stringify(body).includes('KindConflict'),
      view: withSortedConditions,
    }),
    get('not served', `/apis/${GROUP}/v1/namespaces/{ns}/biros`),
    remove('conflicting one removed', `${CRDS}/biros.${GROUP}`, undefined, { view: () => 'any' }),
    mergePatch(
      'second version',
      `${CRDS}/pens.${GROUP}`,
      {
        spec: {
          versions: [
            version('v1', { ink: string }),
            version('v2', { ink: string, cap: { type: 'boolean', default: false } }, { storage: false }),
          ],
        },
      },
      { view: withSortedConditions },
    ),
    get('read as v2', `/apis/${GROUP}/v2/namespaces/{ns}/pens/one`, { until: served }),
    post('made as v2', `/apis/${GROUP}/v2/namespaces/{ns}/pens`, pen('two', { ink: 'red', cap: true }, 'v2')),
    get('read as v1', `${PENS}/two`),
    get('v1 not served', `${CRDS}/pens.${GROUP}`, {
      view: ({ status }: { status: { storedVersions: string[] } }) => status.storedVersions,
    }),
    jsonPatch('stored version goes', `${CRDS}/pens.${GROUP}`, [{ op: 'remove', path: '/spec/versions/0' }]),
    jsonPatch('other scope', `${CRDS}/pens.${GROUP}`, [
      { op: 'replace', path: '/spec/scope', value: 'Cluster' },
    ]),
    jsonPatch('other kind', `${CRDS}/pens.${GROUP}`, [
      { op: 'replace', path: '/spec/names/kind', value: 'Quill' },
    ]),
    jsonPatch('other group', `${CRDS}/pens.${GROUP}`, [
      { op: 'replace', path: '/spec/group', value: 'x.example.com' },
    ]),
    jsonPatch('two storage versions', `${CRDS}/pens.${GROUP}`, [
      { op: 'replace', path: '/spec/versions/1/storage', value: true },
    ]),
    put('status', `${CRDS}/pens.${GROUP}/status`, definition('pens', 'Pen', [version('v1', {})])),
    refused('no schema', [{ name: 'v1', served: true, storage: true }]),
    refused('no storage', [version('v1', {}, { storage: false })]),
    refused('no versions', []),
    refused('bad version name', [version('V_1', {})]),
    refused('same version twice', [version('v1', {}), version('v1', {}, { storage: false })]),
    refused('untyped', [version('v1', { x: {} })]),
    refused('bad type', [version('v1', { x: { type: 'text' } })]),
    refused('properties and additional', [
      version('v1', { x: { type: 'object', properties: { a: string }, additionalProperties: string } }),
    ]),
    refused('no items', [version('v1', { x: { type: 'array' } })]),
    refused('reference', [version('v1', { x: { $ref: '#/definitions/x' } })]),
    refused('bad default', [version('v1', { x: { type: 'integer', default: 'x' } })]),
    refused('unknown default', [
      version('v1', { x: { type: 'object', properties: { a: string }, default: { b: 1 } } }),
    ]),
    refused('bad pattern', [version('v1', { x: { type: 'string', pattern: '(' } })]),
    refused('map keys of no map', [
      version('v1', { x: { type: 'array', items: string, 'x-kubernetes-list-map-keys': ['a'] } }),
    ]),
    refused('map without keys', [
      version('v1', {
        x: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          items: { type: 'object', properties: { a: string } },
        },
      }),
    ]),
    refused('map with an unknown key', [
      version('v1', {
        x: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['b'],
          items: { type: 'object', properties: { a: string } },
        },
      }),
    ]),
    refused('optional key without default', [
      version('v1', {
        x: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['a'],
          items: { type: 'object', properties: { a: string } },
        },
      }),
    ]),
    refused('set of objects', [
      version('v1', {
        x: {
          type: 'array',
          'x-kubernetes-list-type': 'set',
          items: { type: 'object', properties: { a: string } },
        },
      }),
    ]),
    refused('rule that does not compile', [
      version('v1', { x: { type: 'string', 'x-kubernetes-validations': [{ rule: 'self.nothing >' }] } }),
    ]),
    refused('rule of another type', [
      version('v1', { x: { type: 'string', 'x-kubernetes-validations': [{ rule: 'self + 1 == 2' }] } }),
    ]),
    refused('rule that is no condition', [
      version('v1', { x: { type: 'string', 'x-kubernetes-validations': [{ rule: 'self' }] } }),
    ]),
    refused('empty rule', [
      version('v1', { x: { type: 'string', 'x-kubernetes-validations': [{ rule: '' }] } }),
    ]),
    refused('rule that costs too much', [
      version('v1', {
        x: {
          type: 'array',
          items: {
            type: 'array',
            items: {
              type: 'array',
              items: { type: 'string', 'x-kubernetes-validations': [{ rule: 'self.contains(self)' }] },
            },
          },
        },
      }),
    ]),
    refused('metadata constrained', [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: { metadata: { type: 'object', properties: { labels: { type: 'object' } } } },
          },
        },
      },
    ]),
    refused('root is no object', [
      { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'string' } } },
    ]),
    refused('webhook conversion', [version('v1', {})], { conversion: { strategy: 'Webhook' } }),
    refused('preserving all', [version('v1', {})], { preserveUnknownFields: true }),
    refused('bad scope', [version('v1', {})], { scope: 'Galaxy' }),
    refused('bad scale', [
      version(
        'v1',
        {},
        { subresources: { scale: { specReplicasPath: '.x', statusReplicasPath: '.spec.y' } } },
      ),
    ]),
    refused('bad column', [
      version('v1', {}, { additionalPrinterColumns: [{ name: 'A', type: 'thing', jsonPath: '.spec.a' }] }),
    ]),
    refused('selectable object', [
      version('v1', { a: { type: 'object' } }, { selectableFields: [{ jsonPath: '.spec.a' }] }),
    ]),
    refused('selectable nothing', [version('v1', {}, { selectableFields: [{ jsonPath: '.spec.b' }] })]),
    post('other name', CRDS, {
      ...definition('bads', 'Bad', [version('v1', {})]),
      metadata: { name: 'x.example.com' },
    }),
    post('upper case plural', CRDS, definition('Bads', 'Bad', [version('v1', {})])),
    post('unprotected group', CRDS, {
      ...definition('bads', 'Bad', [version('v1', {})], { group: 'x.k8s.io' }),
      metadata: { name: 'bads.x.k8s.io' },
    }),
    remove('removed', `${CRDS}/pens.${GROUP}`, undefined, { view: () => 'any' }),
    get('no more', `${CRDS}/pens.${GROUP}`, { until: notServed }),
    get('nor its objects', PENS, { until: notServed }),
    get('nor its group', `/apis/${GROUP}`, { until: notServed }),
  ],
};
