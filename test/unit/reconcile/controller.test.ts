import { beforeEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { type KindDefinition, existence } from '../../../src/plan/kind.ts';
import { settled as nothingToDo } from '../../../src/plan/outcome.ts';
import { type Api, ApiError } from '../../../src/reconcile/api.ts';
import { Controller } from '../../../src/reconcile/controller.ts';
import type { Dispatcher } from '../../../src/reconcile/dispatch.ts';
import { EventRecorder } from '../../../src/reconcile/events.ts';
import { Informers } from '../../../src/reconcile/informers.ts';
import type { Resource } from '../../../src/resources/metadata.ts';
import { settled } from '../../../src/simulation/scheduler.ts';
import { HandClock } from '../../support/hand-clock.ts';

/** Names of the objects that were planned, in order. */
let planned: string[];
let informers: Informers;
let controller: Controller;
let version: number;

const kindOf = (kind: string, changes: Partial<KindDefinition> = {}): KindDefinition => ({
  kind,
  plural: `${kind.toLowerCase()}s`,
  watches: [],
  gather: ({ metadata }) => void planned.push(metadata.name),
  plan: () => nothingToDo,
  status: () => ({ conditions: [], fields: {} }),
  ...changes,
});

const objectOf = (kind: string, name: string, uid = `uid-of-${name}`): Resource => {
  version += 1;
  const creationTimestamp = '2026-01-01T00:00:00Z';
  const metadata = { name, uid, creationTimestamp, generation: 1, resourceVersion: `${version}` };
  return {
    apiVersion: 'purlin.dev/v1alpha1',
    kind,
    metadata,
    status: { observedGeneration: 1, conditions: [] },
  };
};

/** What is planned after something has happened. */
async function plannedAfter(happens: () => void): Promise<string[]> {
  planned = [];
  happens();
  await settled();
  return planned.sort();
}

beforeEach(() => {
  version = 0;
  const clock = new HandClock();
  const logger = pino({ level: 'silent' });
  const client = {
    patch: () => Promise.reject(new ApiError(409, 'Conflict', 'nobody is to write')),
  } as unknown as Api;
  const kinds = [
    kindOf('Part'),
    kindOf('Reader', { watches: [{ kind: 'Part', keys: () => ['reader'] }] }),
    kindOf('Counter', { watches: [{ kind: 'Part', reads: existence, keys: () => ['counter'] }] }),
    kindOf('Place', { alsoConcerns: (_changedUids, _reader, hostName) => [hostName] }),
  ];
  informers = new Informers({
    client,
    clock,
    kinds,
    hosts: () => [],
    listener: (object, before, deleted) => controller.objectChanged(object, before, deleted),
    logger,
  });
  controller = new Controller({
    kinds,
    client,
    clock,
    informers,
    dispatcher: { forget: () => undefined } as unknown as Dispatcher,
    events: new EventRecorder({ client, clock, logger }),
    snapshotOf: () => 'unknown',
    mayAct: () => true,
    waitsFor: () => undefined,
    logger,
  });
  for (const [kind, name] of [
    ['Reader', 'reader'],
    ['Counter', 'counter'],
    ['Place', 'h1'],
    ['Place', 'h2'],
  ] as const)
    informers.put(objectOf(kind, name));
});

describe('who is planned again when an object changes', () => {
  test('who watches what is in it: each time', async () => {
    const changes = ['came', 'changed'].map(() => () => informers.put(objectOf('Part', 'part')));
    for (const change of changes) expect(await plannedAfter(change)).toContain('reader');
    expect(await plannedAfter(() => informers.forget('Part', 'uid-of-part'))).toEqual(['counter', 'reader']);
  });

  test('who watches that it is there: when it comes, goes, or is another of its name', async () => {
    const put = (uid?: string) => plannedAfter(() => informers.put(objectOf('Part', 'part', uid)));
    expect(await put()).toEqual(['counter', 'part', 'reader']);
    expect(await put()).toEqual(['part', 'reader']);
    expect(await put('another')).toContain('counter');
    expect(await plannedAfter(() => informers.forget('Part', 'another'))).toEqual(['counter', 'reader']);
  });
});

test('parts that change on a host concern their owner, and what the kinds add for that host', async () => {
  informers.put(objectOf('Part', 'part'));
  expect(await plannedAfter(() => controller.hostChanged('h2', new Set(['uid-of-part'])))).toEqual([
    'h2',
    'part',
  ]);
  expect(await plannedAfter(() => controller.hostChanged('h2', 'all'))).toEqual([
    'counter',
    'h1',
    'h2',
    'part',
    'reader',
  ]);
});
