/** Events: one store, and two forms of the same thing, that of the core group and that of `events.k8s.io`. */
import { computedColumn, nameColumn } from '../columns.ts';
import { age } from '../duration.ts';
import { isObject } from '../object.ts';
import type { Json, KubeObject } from '../object.ts';
import type { TableColumn } from '../resource.ts';
import type { Builtin } from './builtin.ts';
import { schemas } from './schemas.ts';
import { eventRules, newEventRules } from './event-rules.ts';

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

const part = (object: KubeObject, field: string): Record<string, unknown> =>
  isObject(object[field]) ? object[field] : {};

const eventSource = (event: KubeObject): string =>
  text(part(event, 'source')['component']) || text(event['reportingComponent']);

const lastSeen = (event: KubeObject): unknown =>
  part(event, 'series')['lastObservedTime'] ??
  event['lastTimestamp'] ??
  event['eventTime'] ??
  event.metadata.creationTimestamp;

const columns: TableColumn[] = [
  computedColumn('Last Seen', (event, now) => age(lastSeen(event), now)),
  computedColumn('Type', (event) => text(event['type'])),
  computedColumn('Reason', (event) => text(event['reason'])),
  computedColumn('Object', (event) => {
    const { kind, name } = part(event, 'involvedObject');
    return `${text(kind).toLowerCase()}/${text(name)}`;
  }),
  computedColumn('Subobject', (event) => text(part(event, 'involvedObject')['fieldPath']), { priority: 1 }),
  computedColumn('Source', eventSource, { priority: 1 }),
  computedColumn('Message', (event) => text(event['message']).trim()),
  computedColumn('First Seen', (event, now) => age(event['firstTimestamp'] ?? event['eventTime'], now), {
    priority: 1,
  }),
  computedColumn('Count', (event) => event['count'] ?? 1, { priority: 1 }),
  { ...nameColumn, priority: 1 },
];

const REFERENCE = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'];

const labelsOf = (reference: string, reporter: string): Builtin['fieldLabels'] => [
  ...REFERENCE.map((field): [string, (event: KubeObject) => string] => [
    `${reference}.${field}`,
    (event) => text(part(event, reference)[field]),
  ]),
  ['reason', (event) => text(event['reason'])],
  [reporter, (event) => text(event[reporter])],
  ['type', (event) => text(event['type'])],
];

export const events = {
  kind: 'Event',
  plural: 'events',
  schema: schemas.Event,
  shortNames: ['ev'],
  columns,
  fieldLabels: [...(labelsOf('involvedObject', 'reportingComponent') ?? []), ['source', eventSource]],
  rules: eventRules,
  always: {
    involvedObject: {},
    source: {},
    firstTimestamp: null,
    lastTimestamp: null,
    eventTime: null,
    reportingComponent: '',
    reportingInstance: '',
  },
} satisfies Builtin;

/** What each field of the core form is called in the other. */
const NAMES: Readonly<Record<string, string>> = {
  involvedObject: 'regarding',
  message: 'note',
  source: 'deprecatedSource',
  firstTimestamp: 'deprecatedFirstTimestamp',
  lastTimestamp: 'deprecatedLastTimestamp',
  count: 'deprecatedCount',
  reportingComponent: 'reportingController',
};
const CORE_NAMES: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(NAMES).map(([core, other]) => [other, core]),
);

const renamed = (
  event: KubeObject,
  names: Readonly<Record<string, string>>,
  apiVersion: string,
): KubeObject =>
  ({
    ...Object.fromEntries(Object.entries(event).map(([field, value]) => [names[field] ?? field, value])),
    apiVersion,
  }) as KubeObject;

const filled = (event: KubeObject, always: Readonly<Record<string, Json>>): KubeObject => ({
  ...always,
  ...event,
});

const alwaysInNew = {
  regarding: {},
  deprecatedSource: {},
  deprecatedFirstTimestamp: null,
  deprecatedLastTimestamp: null,
  eventTime: null,
};

function toNew(event: KubeObject): KubeObject {
  const { reportingController, reportingInstance, ...rest } = renamed(event, NAMES, 'events.k8s.io/v1');
  return filled(
    {
      ...(rest as KubeObject),
      ...(reportingController !== '' && { reportingController }),
      ...(reportingInstance !== '' && { reportingInstance }),
    },
    alwaysInNew,
  );
}

export const newEvents = {
  kind: 'Event',
  plural: 'events',
  schema: schemas.NewEvent,
  group: 'events.k8s.io',
  shortNames: ['ev'],
  columns: columns.map((column) => ({
    ...column,
    cell: (event: KubeObject, now: Date) => column.cell(renamed(event, CORE_NAMES, 'v1'), now),
  })),
  fieldLabels: labelsOf('regarding', 'reportingController') ?? [],
  rules: newEventRules,
  always: alwaysInNew,
  storedForm: {
    of: { group: '', plural: 'events' },
    toServed: toNew,
    toStored: (event) => filled(renamed(event, CORE_NAMES, 'v1'), events.always),
  },
} satisfies Builtin;
