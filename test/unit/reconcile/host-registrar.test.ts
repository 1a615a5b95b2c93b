import { beforeEach, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { ApiError } from '../../../src/reconcile/api.ts';
import { HostRegistrar } from '../../../src/reconcile/host-registrar.ts';
import type { Resource } from '../../../src/resources/metadata.ts';
import { settled } from '../../../src/simulation/scheduler.ts';
import { HandClock } from '../../support/hand-clock.ts';

let clock: HandClock;
let asked: string[];
let registered: Set<string>;
let refusal: Error | undefined;
let leads: boolean;
let registrar: HostRegistrar;

beforeEach(() => {
  clock = new HandClock();
  asked = [];
  registered = new Set();
  refusal = undefined;
  leads = true;
  const create = (_type: unknown, _namespace: unknown, object: object) => {
    asked.push((object as Resource).metadata.name);
    if (refusal) return Promise.reject(refusal);
    return Promise.resolve(object as never);
  };
  registrar = new HostRegistrar({
    seen: () => ['h1', 'h2'],
    isRegistered: (hostName) => registered.has(hostName),
    mayAct: () => leads,
    client: { create },
    clock,
    logger: pino({ level: 'silent' }),
  });
});

test('an API that refuses hears of each host once in two seconds, however much is told of them', async () => {
  refusal = new ApiError(500, 'InternalError', 'not now');
  for (let told = 0; told < 10; told += 1) {
    registrar.notice();
    await settled();
  }
  expect(asked).toEqual(['h1', 'h2']);
  for (let more = 0; more < 5; more += 1) {
    await clock.pass(2_000);
    registrar.notice();
  }
  expect(asked).toHaveLength(12);
  expect(clock.waiting).toBe(2);
});

test('a host that the cache does not show yet is not registered again at once', async () => {
  registrar.notice();
  await settled();
  registrar.notice();
  expect(asked).toEqual(['h1', 'h2']);
  refusal = new ApiError(409, 'AlreadyExists', 'hosts.purlin.dev "h1" already exists');
  await clock.pass(2_000);
  registrar.notice();
  expect(asked).toEqual(['h1', 'h2', 'h1', 'h2']);
  registered = new Set(['h1', 'h2']);
  await clock.pass(60_000);
  expect(asked).toHaveLength(4);
  expect(clock.waiting).toBe(0);
});

test('a host whose object is deleted while its agent lives is registered again', async () => {
  registered = new Set(['h1', 'h2']);
  registrar.notice();
  expect(asked).toEqual([]);
  registered.delete('h2');
  registrar.notice();
  expect(asked).toEqual(['h2']);
});

test('nothing is asked while another may lead, nor after the end', async () => {
  leads = false;
  registrar.notice();
  await clock.pass(5_000);
  expect(asked).toEqual([]);
  leads = true;
  await clock.pass(2_000);
  expect(asked).toEqual(['h1', 'h2']);
  registrar.close();
  registrar.notice();
  await clock.pass(10_000);
  expect(asked).toHaveLength(2);
  expect(clock.waiting).toBe(0);
});
