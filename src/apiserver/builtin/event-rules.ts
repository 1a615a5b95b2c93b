/** pkg/apis/core/validation/events.go of Kubernetes: what is strict applies to the form of `events.k8s.io` only. */
import { fieldError } from '../errors.ts';
import type { FieldError } from '../errors.ts';
import { isObject } from '../object.ts';
import { equalJson } from '../../values/equal.ts';
import type { KubeObject } from '../object.ts';
import type { BuiltinRules } from '../resource.ts';
import { qualifiedNameFault } from '../schema/metadata.ts';

const MAX_TEXT = 128;
const MAX_MESSAGE = 1024;

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** Faults are told by the names of the core form, whichever was sent. */
interface EventFields {
  readonly namespace: string;
  readonly object: unknown;
  readonly eventTime: unknown;
  readonly reporter: string;
  /** What the field of the reporter is called. */
  readonly reporterField: string;
  readonly instance: string;
  readonly action: string;
  readonly reason: string;
  readonly message: string;
}

const common = (event: KubeObject) => ({
  namespace: event.metadata.namespace ?? '',
  eventTime: event['eventTime'],
  instance: text(event['reportingInstance']),
  action: text(event['action']),
  reason: text(event['reason']),
});

export const eventRules: BuiltinRules = {
  validate: (event) =>
    eventErrors({
      ...common(event),
      object: event['involvedObject'],
      reporter: text(event['reportingComponent']),
      reporterField: 'reportingComponent',
      message: text(event['message']),
    }),
};

export const newEventRules: BuiltinRules = {
  validate: (event, old) => [
    ...eventErrors({
      ...common(event),
      object: event['regarding'],
      reporter: text(event['reportingController']),
      reporterField: 'reportingController',
      message: text(event['note']),
    }),
    ...(old ? changeErrors(event, old) : newErrors(event)),
  ],
};

function eventErrors(event: EventFields): FieldError[] {
  return event.eventTime ? datedErrors(event) : placeErrors(event, 'same');
}

/** An event is kept where its object is; one of a cluster-scoped object, in a namespace that always exists. */
function placeErrors({ namespace, object }: EventFields, must: 'same' | 'exist'): FieldError[] {
  const place = isObject(object) ? text(object['namespace']) : '';
  const shared = must === 'same' ? ['default'] : ['default', 'kube-system'];
  const fits = place === '' ? shared.includes(namespace) : must === 'exist' || place === namespace;
  return fits
    ? []
    : [fieldError.invalid('involvedObject.namespace', place, 'does not match event.namespace')];
}

function datedErrors(event: EventFields): FieldError[] {
  const { reporter, reporterField, instance, action, reason, message } = event;
  const fault = qualifiedNameFault(reporter);
  return [
    ...placeErrors(event, 'exist'),
    ...(reporter ? [] : [fieldError.required(reporterField)]),
    ...(fault ? [fieldError.invalid(reporterField, reporter, fault)] : []),
    ...givenErrors('reportingInstance', instance),
    ...givenErrors('action', action),
    ...givenErrors('reason', reason),
    ...(message.length > MAX_MESSAGE ? [tooLong('message', MAX_MESSAGE)] : []),
  ];
}

function givenErrors(field: string, value: string): FieldError[] {
  if (!value) return [fieldError.required(field)];
  return value.length > MAX_TEXT ? [tooLong(field, MAX_TEXT)] : [];
}

const tooLong = (field: string, max: number): FieldError =>
  fieldError.invalid(field, '', `can have at most ${max} characters`);

/** By the name in the core form, what must not be there in a new event, and when it is not. */
const UNSET: readonly [field: string, name: string, isUnset: (value: unknown) => boolean][] = [
  ['deprecatedFirstTimestamp', 'firstTimestamp', (value) => !value],
  ['deprecatedLastTimestamp', 'lastTimestamp', (value) => !value],
  ['deprecatedCount', 'count', (value) => !value],
  ['deprecatedSource', 'source', (value) => !isObject(value) || Object.keys(value).length === 0],
];

function newErrors(event: KubeObject): FieldError[] {
  const type = text(event['type']);
  return [
    ...seriesErrors(event),
    ...(event['eventTime'] ? [] : [fieldError.required('eventTime')]),
    ...(type === 'Normal' || type === 'Warning'
      ? []
      : [fieldError.invalid('type', '', `has invalid value: ${type}`)]),
    ...UNSET.filter(([field, , isUnset]) => !isUnset(event[field])).map(([, name]) =>
      fieldError.invalid(name, '', 'needs to be unset'),
    ),
  ];
}

function seriesErrors({ series }: KubeObject): FieldError[] {
  if (!isObject(series)) return [];
  const { count, lastObservedTime } = series;
  return [
    ...(typeof count === 'number' && count >= 2
      ? []
      : [fieldError.invalid('series.count', '', 'should be at least 2')]),
    ...(lastObservedTime ? [] : [fieldError.required('series.lastObservedTime')]),
  ];
}

/** All but the series stays as it was said. */
const FIXED: readonly [field: string, name: string][] = [
  ['regarding', 'involvedObject'],
  ['reason', 'reason'],
  ['note', 'message'],
  ['deprecatedSource', 'source'],
  ['deprecatedFirstTimestamp', 'firstTimestamp'],
  ['deprecatedLastTimestamp', 'lastTimestamp'],
  ['deprecatedCount', 'count'],
  ['type', 'type'],
  ['eventTime', 'eventTime'],
  ['action', 'action'],
  ['related', 'related'],
  ['reportingController', 'reportingController'],
  ['reportingInstance', 'reportingInstance'],
];

const changeErrors = (event: KubeObject, old: KubeObject): FieldError[] => [
  ...(equalJson(event['series'], old['series']) ? [] : seriesErrors(event)),
  ...FIXED.filter(([field]) => !equalJson(event[field], old[field])).map(([field, name]) =>
    fieldError.invalid(name, event[field], 'field is immutable'),
  ),
];
