import { describe, expect, test } from '@jest/globals';
import { eventRules, newEventRules } from '../../../../src/apiserver/builtin/event-rules.ts';
import { newEvents } from '../../../../src/apiserver/builtin/events.ts';
import type { KubeObject } from '../../../../src/apiserver/object.ts';

const TIME = '2026-01-01T00:00:00.000000Z';
const faultsOf = (errors: readonly { field: string; message: string }[] = []): string[] =>
  errors.map(({ field, message }) => `${field}: ${message}`);

const event = (more: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name: 'e', namespace: 'a' },
  involvedObject: { kind: 'Machine', namespace: 'a', name: 'm' },
  reason: 'Started',
  message: 'it runs',
  type: 'Normal',
  ...more,
});

const newEvent = (more: object = {}): KubeObject => ({
  apiVersion: 'events.k8s.io/v1',
  kind: 'Event',
  metadata: { name: 'e', namespace: 'a' },
  eventTime: TIME,
  regarding: { kind: 'Machine', namespace: 'a', name: 'm' },
  reportingController: 'purlin.dev/test',
  reportingInstance: 'test-0',
  action: 'Starting',
  reason: 'Started',
  note: 'it runs',
  type: 'Normal',
  ...more,
});

const ELSEWHERE = 'involvedObject.namespace: Invalid value: "b": does not match event.namespace';
const NOWHERE = 'involvedObject.namespace: Invalid value: "": does not match event.namespace';

describe('the core form', () => {
  test.each<[string, KubeObject, string[]]>([
    ['of an object beside it', event(), []],
    ['of an object elsewhere', event({ involvedObject: { namespace: 'b' } }), [ELSEWHERE]],
    ['of a cluster-scoped object', event({ involvedObject: {} }), [NOWHERE]],
    [
      'of a cluster-scoped object, in the namespace default',
      event({ involvedObject: {}, metadata: { name: 'e', namespace: 'default' } }),
      [],
    ],
    [
      'dated, but by nobody',
      event({ eventTime: TIME }),
      [
        'reportingComponent: Required value',
        'reportingComponent: Invalid value: "": name part must be non-empty',
        'reportingInstance: Required value',
        'action: Required value',
      ],
    ],
  ])('%s', (_, given, wanted) => {
    expect(faultsOf(eventRules.validate?.(given, undefined))).toEqual(wanted);
  });
});

describe('the form of events.k8s.io', () => {
  test.each<[string, KubeObject, string[]]>([
    ['whole', newEvent(), []],
    ['elsewhere, which only the core form minds', newEvent({ regarding: { namespace: 'b' } }), []],
    ['of a cluster-scoped object', newEvent({ regarding: {} }), [NOWHERE]],
    [
      'of another type',
      newEvent({ type: 'Odd', deprecatedCount: 2 }),
      ['type: Invalid value: "": has invalid value: Odd', 'count: Invalid value: "": needs to be unset'],
    ],
    [
      'a series of one',
      newEvent({ series: { count: 1 } }),
      ['series.count: Invalid value: "": should be at least 2', 'series.lastObservedTime: Required value'],
    ],
    [
      'long-winded',
      newEvent({ note: 'x'.repeat(1025), action: 'x'.repeat(129) }),
      [
        'action: Invalid value: "": can have at most 128 characters',
        'message: Invalid value: "": can have at most 1024 characters',
      ],
    ],
  ])('%s', (_, given, wanted) => {
    expect(faultsOf(newEventRules.validate?.(given, undefined))).toEqual(wanted);
  });

  test('only its series may change', () => {
    const counted = newEvent({ series: { count: 2, lastObservedTime: TIME } });
    expect(newEventRules.validate?.(counted, newEvent())).toEqual([]);
    expect(faultsOf(newEventRules.validate?.(newEvent({ note: 'it fell' }), newEvent()))).toEqual([
      'message: Invalid value: "it fell": field is immutable',
    ]);
  });

  test('there and back again it is the same', () => {
    const { toStored, toServed } = newEvents.storedForm;
    const stored = toStored(newEvent());
    expect(stored).toMatchObject({
      apiVersion: 'v1',
      message: 'it runs',
      reportingComponent: 'purlin.dev/test',
    });
    expect(toServed(stored)).toEqual({
      ...newEvent(),
      deprecatedSource: {},
      deprecatedFirstTimestamp: null,
      deprecatedLastTimestamp: null,
    });
  });
});
