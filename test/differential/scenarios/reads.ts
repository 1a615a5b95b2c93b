import type { Answer, Scenario } from '../scenario.ts';
import { get, mergePatch, post, remove, watch } from '../scenario.ts';
import { CONFIG_MAPS, GADGETS, SITES, configMap, gadget } from './objects.ts';

const labelled = (name: string, color: string, labels: object): object => gadget(name, { color }, { labels });
const names = ({ items = [], ...rest }: { items?: { metadata: { name: string } }[] }): unknown => ({
  ...rest,
  items: items.map(({ metadata }) => metadata.name),
});
const selected = (name: string, query: string, path = GADGETS) =>
  get(name, `${path}?${query}`, { view: names });

export const lists: Scenario = {
  name: 'lists',
  covers: 'selectors, pages, resource versions of lists, lists over namespaces',
  steps: [
    get('empty', GADGETS, { view: names }),
    post('a', GADGETS, labelled('a', 'red', { app: 'x', tier: '1' })),
    post('b', GADGETS, labelled('b', 'green', { app: 'y' })),
    post('c', GADGETS, labelled('c', 'red', { app: 'z', env: 'prod' })),
    post('d', GADGETS, gadget('d', { color: 'blue', count: 5 })),
    get('whole', GADGETS),
    selected('equals', 'labelSelector=app=x'),
    selected('equals twice', 'labelSelector=app%3D%3Dx,tier=1'),
    selected('not equal', 'labelSelector=app!=x'),
    selected('in', 'labelSelector=app+in+(x,y)'),
    selected('not in', 'labelSelector=app+notin+(x,y)'),
    selected('exists', 'labelSelector=env'),
    selected('does not exist', 'labelSelector=!env'),
    selected('more than', 'labelSelector=tier%3E1'),
    selected('less than', 'labelSelector=tier%3C2'),
    selected('more than a word', 'labelSelector=tier%3Ea'),
    selected('words are not more', 'labelSelector=app%3E0'),
    selected('bad label selector', 'labelSelector=app+in+x'),
    selected('bad label key', 'labelSelector=a%20b=c'),
    selected('by name', 'fieldSelector=metadata.name=b'),
    selected('by namespace', 'fieldSelector=metadata.namespace={ns}'),
    selected('by field', 'fieldSelector=spec.color=red'),
    selected('by number', 'fieldSelector=spec.count=5'),
    selected('by two fields', 'fieldSelector=spec.color=red,metadata.name!=a'),
    selected('by an unknown field', 'fieldSelector=spec.note=x'),
    selected('by an unknown field of a built-in', 'fieldSelector=data.a=x', CONFIG_MAPS),
    selected('bad field selector', 'fieldSelector=spec.color'),
    get('page', `${GADGETS}?limit=3`, {
      view: ({ items, metadata }: { items: object[]; metadata: object }) => ({
        metadata,
        count: items.length,
      }),
    }),
    get('first', `${GADGETS}?limit=2`),
    post('meanwhile', GADGETS, gadget('bb')),
    get('second', `${GADGETS}?limit=2&continue={first.metadata.continue}`, { view: names }),
    selected('bad token', 'limit=2&continue=abc'),
    get('token and version', `${GADGETS}?limit=2&continue={first.metadata.continue}&resourceVersion=5`, {
      view: names,
    }),
    get('page with a selector', `${GADGETS}?limit=1&labelSelector=app`, { view: names }),
    selected('any version', 'resourceVersion=0'),
    get(
      'at least',
      `${GADGETS}?resourceVersion={whole.metadata.resourceVersion}&resourceVersionMatch=NotOlderThan`,
      {
        view: names,
      },
    ),
    get('exactly', `${GADGETS}?resourceVersion={whole.metadata.resourceVersion}&resourceVersionMatch=Exact`, {
      view: names,
    }),
    selected('future', 'resourceVersion=99999999999&resourceVersionMatch=NotOlderThan'),
    selected('match without a version', 'resourceVersionMatch=Exact'),
    selected('exactly nothing', 'resourceVersion=0&resourceVersionMatch=Exact'),
    selected('unknown match', 'resourceVersion=1&resourceVersionMatch=Roughly'),
    selected('bad version', 'resourceVersion=abc'),
    selected(
      'over namespaces',
      'labelSelector=app=x&fieldSelector=metadata.namespace={ns}',
      '/apis/diff.example.com/v1/gadgets',
    ),
    selected('other version', 'labelSelector=app=x', GADGETS.replace('/v1/', '/v1beta1/')),
    get('of no namespace', GADGETS.replace('{ns}', 'nowhere'), { view: names }),
    get('bad limit', `${GADGETS}?limit=abc`),
    get('negative limit', `${GADGETS}?limit=-1`, { view: names }),
    get('no limit at a version', `${GADGETS}?limit=0&resourceVersion={first.metadata.resourceVersion}`, {
      view: names,
    }),
    get('get in the future', `${GADGETS}/a?resourceVersion=99999999999`),
    get('get at any version', `${GADGETS}/a?resourceVersion=0`),
  ],
};

const bookmark = (event: unknown): boolean => (event as { type: string }).type === 'BOOKMARK';
const withoutBookmarks = (events: unknown[] | object): unknown =>
  Array.isArray(events) ? events.filter((event) => !bookmark(event)) : events;
/** Bookmarks come in their own time; what they say when all initial events have been sent is exact. */
const initial = (events: unknown[] | object): unknown =>
  Array.isArray(events)
    ? events.filter((event) => !bookmark(event) || JSON.stringify(event).includes('initial-events-end'))
    : events;

interface Table {
  kind: string;
  columnDefinitions?: null | { name: string; type: string; format: string; priority: number }[];
  rows?: { cells: unknown[]; object: unknown }[];
}
const ageIn = ({ columnDefinitions }: Table): number =>
  columnDefinitions?.findIndex(({ name }) => name === 'Age') ?? -1;

/** Ages depend on the day; descriptions of columns are prose. */
const table = (body: Table, age = ageIn(body)): unknown => {
  const { columnDefinitions, rows = [], ...rest } = body;
  return {
    ...rest,
    columns: columnDefinitions?.map(({ name, type, format, priority }) => ({ name, type, format, priority })),
    rows: rows.map(({ cells, object }) => ({ cells: cells.filter((_cell, index) => index !== age), object })),
  };
};
/** Only the first event names the columns. */
const tableEvents = (events: { type: string; object: Table }[]): unknown => {
  const age = events[0] ? ageIn(events[0].object) : -1;
  return events.map(({ type, object }) => ({ type, object: table(object, age) }));
};

export const watches: Scenario = {
  name: 'watches',
  covers: 'watch histories, selectors in watches, WatchList, expired and future versions',
  steps: [
    get('start', GADGETS),
    post('a', GADGETS, labelled('a', 'red', { app: 'x' })),
    mergePatch('green', `${GADGETS}/a`, { spec: { color: 'green' } }),
    mergePatch('other label', `${GADGETS}/a`, { metadata: { labels: { app: 'y' } } }),
    post('b', GADGETS, labelled('b', 'red', { app: 'x' })),
    remove('b removed', `${GADGETS}/b`),
    mergePatch('same label again', `${GADGETS}/a`, { metadata: { labels: { app: 'x' } } }),
    watch(
      'history',
      GADGETS,
      { resourceVersion: '{start.metadata.resourceVersion}' },
      { view: withoutBookmarks },
    ),
    watch(
      'by label',
      GADGETS,
      { resourceVersion: '{start.metadata.resourceVersion}', labelSelector: 'app=x' },
      { view: withoutBookmarks },
    ),
    watch(
      'by field',
      GADGETS,
      { resourceVersion: '{start.metadata.resourceVersion}', fieldSelector: 'spec.color=red' },
      { view: withoutBookmarks },
    ),
    watch(
      'by name',
      GADGETS,
      { resourceVersion: '{start.metadata.resourceVersion}', fieldSelector: 'metadata.name=b' },
      { view: withoutBookmarks },
    ),
    watch('from now', GADGETS, {}, { view: withoutBookmarks }),
    watch('from any', GADGETS, { resourceVersion: '0' }, { view: withoutBookmarks }),
    watch(
      'watch list',
      GADGETS,
      { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan', allowWatchBookmarks: 'true' },
      { view: initial },
    ),
    watch(
      'watch list of nothing',
      CONFIG_MAPS,
      {
        sendInitialEvents: 'true',
        resourceVersionMatch: 'NotOlderThan',
        allowWatchBookmarks: 'true',
        labelSelector: 'a=b',
      },
      { view: initial },
    ),
    watch(
      'no initial events',
      GADGETS,
      { sendInitialEvents: 'false', resourceVersionMatch: 'NotOlderThan', allowWatchBookmarks: 'true' },
      { view: initial },
    ),
    watch('initial events without a match', GADGETS, {
      sendInitialEvents: 'true',
      allowWatchBookmarks: 'true',
    }),
    watch('match without initial events', GADGETS, { resourceVersionMatch: 'NotOlderThan' }),
    watch(
      'initial events without bookmarks',
      GADGETS,
      { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' },
      { view: initial },
    ),
    watch('exact match', GADGETS, { sendInitialEvents: 'true', resourceVersionMatch: 'Exact' }),
    watch('bad version', GADGETS, { resourceVersion: 'abc' }),
    watch('bad selector', GADGETS, { labelSelector: 'a in b' }),
    watch('unknown field', GADGETS, { fieldSelector: 'spec.note=x' }),
    watch(
      'other version',
      GADGETS.replace('/v1/', '/v1beta1/'),
      { resourceVersion: '{start.metadata.resourceVersion}', fieldSelector: 'metadata.name=b' },
      { view: withoutBookmarks },
    ),
    watch('initial of a list request', GADGETS.replace('?watch', '?list'), {
      watch: 'false',
      sendInitialEvents: 'true',
    }),
    get('watch by its old path', `/apis/diff.example.com/v1/watch/namespaces/{ns}/gadgets?timeoutSeconds=1`),
    watch(
      'as table',
      GADGETS,
      { resourceVersion: '{start.metadata.resourceVersion}', fieldSelector: 'metadata.name=b' },
      {
        headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
        view: tableEvents,
      },
    ),
    watch(
      'as metadata',
      GADGETS,
      { resourceVersion: '{start.metadata.resourceVersion}', fieldSelector: 'metadata.name=b' },
      {
        headers: { accept: 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io' },
        view: withoutBookmarks,
      },
    ),
    watch(
      'of one object',
      `${GADGETS}/a`,
      { resourceVersion: '{start.metadata.resourceVersion}' },
      { view: withoutBookmarks },
    ),
  ],
};

const asTable = { headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } };
const asTableOr = { headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' } };
const asMetadata = { headers: { accept: 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io' } };
const asMetadataList = {
  headers: { accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' },
};

export const tables: Scenario = {
  name: 'tables',
  covers: 'tables, printer columns, partial metadata, negotiation',
  steps: [
    post('a', GADGETS, { ...gadget('a', { color: 'red', tags: ['x', 'y'] }) }),
    post('config', CONFIG_MAPS, configMap('config', { a: '1', b: '2' })),
    mergePatch('ready', `${GADGETS}/a/status`, {
      status: { conditions: [{ type: 'Ready', status: 'True' }] },
    }),
    get('table', GADGETS, { ...asTable, view: table }),
    get('table of one', `${GADGETS}/a`, { ...asTable, view: table }),
    get('table without objects', `${GADGETS}?includeObject=None`, { ...asTable, view: table }),
    get('table with objects', `${GADGETS}?includeObject=Object`, { ...asTable, view: table }),
    get('table with what', `${GADGETS}?includeObject=Some`, asTable),
    get('table or JSON', CONFIG_MAPS, { ...asTableOr, view: ({ kind }: Table) => kind }),
    get('table of a built-in', `${CONFIG_MAPS}/config`, { ...asTable, view: table }),
    get('table of a missing', `${CONFIG_MAPS}/missing`, asTable),
    get('table of the whole cluster', SITES, {
      ...asTable,
      view: ({ kind, columnDefinitions }: Table) => ({
        kind,
        columnDefinitions: columnDefinitions?.map(({ name }) => name),
      }),
    }),
    get('old table', GADGETS, {
      headers: { accept: 'application/json;as=Table;v=v1beta1;g=meta.k8s.io' },
      view: ({ kind }: Table) => kind,
    }),
    get('metadata', `${GADGETS}/a`, asMetadata),
    get('metadata of a list', GADGETS, asMetadataList),
    get('wrong shape', `${GADGETS}/a`, asMetadataList),
    get('unknown shape', GADGETS, { headers: { accept: 'application/json;as=Poem;v=v1;g=meta.k8s.io' } }),
    get('yaml', `${CONFIG_MAPS}/config`, {
      headers: { accept: 'application/yaml' },
      view: (body: string) => typeof body,
    }),
    get('anything', `${GADGETS}/a`, { headers: { accept: '*/*' } }),
    get('cbor', `${GADGETS}/a`, { headers: { accept: 'application/cbor' } }),
    get('browser', `${GADGETS}/a`, { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } }),
    get('pretty', `${GADGETS}/a?pretty=true`),
    remove('table of a deletion', `${GADGETS}/a`, undefined, { ...asTable, view: ({ kind }: Table) => kind }),
  ],
};

const gone = ({ status }: Answer): boolean => status === 404;
const owned = (name: string, owner: string, more: object = {}): object =>
  configMap(
    name,
    {},
    {
      ownerReferences: [
        { apiVersion: 'v1', kind: 'ConfigMap', name: owner, uid: `{${owner}.metadata.uid}`, ...more },
      ],
    },
  );

export const deletion: Scenario = {
  name: 'deletion',
  covers: 'DELETE: finalizers, preconditions, policies, collections, garbage',
  steps: [
    post('a', CONFIG_MAPS, configMap('a')),
    remove('plain', `${CONFIG_MAPS}/a`),
    remove('again', `${CONFIG_MAPS}/a`),
    post('g', GADGETS, gadget('g', {}, { finalizers: ['example.com/keep'] })),
    remove('with a finalizer', `${GADGETS}/g`),
    remove('marked already', `${GADGETS}/g`),
    mergePatch('change while deleting', `${GADGETS}/g`, { spec: { color: 'red' } }),
    mergePatch('new finalizer', `${GADGETS}/g`, {
      metadata: { finalizers: ['example.com/keep', 'example.com/more'] },
    }),
    mergePatch('no undo', `${GADGETS}/g`, { metadata: { deletionTimestamp: null } }),
    mergePatch('finalizer removed', `${GADGETS}/g`, { metadata: { finalizers: null } }),
    get('g is gone', `${GADGETS}/g`),
    post('p', GADGETS, gadget('p')),
    remove('other uid', `${GADGETS}/p`, { preconditions: { uid: 'c0ffee00-0000-4000-8000-000000000000' } }),
    remove('other version', `${GADGETS}/p`, { preconditions: { resourceVersion: '1' } }),
    remove('unknown policy', `${GADGETS}/p?propagationPolicy=Never`),
    remove('bad options', `${GADGETS}/p`, '{"a'),
    remove('options of another kind', `${GADGETS}/p`, configMap('x')),
    remove('negative grace', `${GADGETS}/p?gracePeriodSeconds=-1`),
    remove('both policies', `${GADGETS}/p?orphanDependents=true&propagationPolicy=Background`),
    remove('right uid', `${GADGETS}/p`, { preconditions: { uid: '{p.metadata.uid}' } }),
    post('q', GADGETS, gadget('q')),
    remove('orphaning', `${GADGETS}/q`, { propagationPolicy: 'Orphan' }),
    get('q goes', `${GADGETS}/q`, { until: gone }),
    post('owner', CONFIG_MAPS, configMap('owner')),
    post('child', CONFIG_MAPS, owned('child', 'owner')),
    post('strict', CONFIG_MAPS, owned('strict', 'owner', { blockOwnerDeletion: true, controller: true })),
    remove('foreground', `${CONFIG_MAPS}/owner`, { propagationPolicy: 'Foreground' }),
    get('owner goes', `${CONFIG_MAPS}/owner`, { until: gone }),
    get('strict is gone', `${CONFIG_MAPS}/strict`, { until: gone }),
    get('child goes', `${CONFIG_MAPS}/child`, { until: gone }),
    post('second', CONFIG_MAPS, configMap('second')),
    post('orphan', CONFIG_MAPS, owned('orphan', 'second')),
    remove('orphan left', `${CONFIG_MAPS}/second`, { propagationPolicy: 'Orphan' }),
    get('second goes', `${CONFIG_MAPS}/second`, { until: gone }),
    get('orphan stays', `${CONFIG_MAPS}/orphan`),
    post('third', CONFIG_MAPS, configMap('third')),
    post('dependent', CONFIG_MAPS, owned('dependent', 'third')),
    remove('background', `${CONFIG_MAPS}/third`, { propagationPolicy: 'Background' }),
    get('dependent goes', `${CONFIG_MAPS}/dependent`, { until: gone }),
    post('c1', GADGETS, gadget('c1', {}, { labels: { set: 'c' } })),
    post('c2', GADGETS, gadget('c2', {}, { labels: { set: 'c' } })),
    post('c3', GADGETS, gadget('c3')),
    remove('collection', `${GADGETS}?labelSelector=set%3Dc`),
    remove('collection, other uid', GADGETS, {
      preconditions: { uid: 'c0ffee00-0000-4000-8000-000000000000' },
    }),
    remove('collection, other version', GADGETS, { preconditions: { resourceVersion: '1' } }),
    remove('empty collection', `${GADGETS}?labelSelector=set%3Dnothing`),
    get('c1 is gone', `${GADGETS}/c1`),
    get('c3 stays', `${GADGETS}/c3`),
    remove('collection of all namespaces', '/apis/diff.example.com/v1/gadgets?labelSelector=set%3Dc'),
    remove('missing', `${GADGETS}/missing`),
    remove('missing kind', '/apis/diff.example.com/v1/namespaces/{ns}/nothings/x'),
  ],
};
