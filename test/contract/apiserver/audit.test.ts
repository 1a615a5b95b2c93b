/** The audit log as it lies on disk after requests of real clients. */
import { afterEach, expect, jest, test } from '@jest/globals';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AuditPolicy } from '../../../src/apiserver/audit/policy.ts';
import { WIDGETS, startTestServer, widget } from './harness.ts';
import type { TestServer } from './harness.ts';

jest.setTimeout(60_000);

const HIDDEN = 'hunter2-never-in-the-log';
const SECRETS = '/api/v1/namespaces/default/secrets';
const MAPS = '/api/v1/namespaces/default/configmaps';

interface AuditEvent {
  auditID: string;
  level: string;
  stage: string;
  verb: string;
  requestURI: string;
  objectRef?: { resource: string; name?: string; namespace?: string; subresource?: string };
  user: { username?: string };
  responseStatus?: { code: number; message?: string };
  requestObject?: object;
  responseObject?: object;
  annotations?: Record<string, string>;
  [field: string]: unknown;
}

const everything: AuditPolicy = { rules: [{ level: 'RequestResponse' }] };

let api: TestServer;
let stopped: boolean;
const start = async (policy?: AuditPolicy): Promise<void> => {
  api = await startTestServer(undefined, policy ? { audit: { policy } } : {});
  stopped = false;
};
const stop = async (): Promise<void> => {
  if (!stopped) await api.stop();
  stopped = true;
};
afterEach(stop);

const logFile = () => join(api.dataDir, 'audit', 'audit.log');

/** The log after the server has closed; without the requests of its own controllers. */
async function logged(): Promise<AuditEvent[]> {
  await api.restart();
  const lines = (await readFile(logFile(), 'utf8')).trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as AuditEvent);
}

test('by default changes are noted with who, what, from where and by which right', async () => {
  await start();
  const headers = { 'user-agent': 'tester/1.0', 'x-forwarded-for': '10.1.2.3, nonsense' };
  const created = await api.call('POST', WIDGETS, widget('noted'), headers);
  await api.call('GET', `${WIDGETS}/noted`);
  await api.call('PUT', `${WIDGETS}/noted/status?fieldManager=me`, '{', headers);
  const refused = await api.call('POST', MAPS, undefined, {
    'impersonate-user': 'jane',
    'impersonate-group': 'team',
  });
  expect([created.status, refused.status]).toEqual([201, 403]);
  const events = await logged();
  expect(events).toHaveLength(3);
  const [create, update, forbidden] = events;
  expect(create).toEqual({
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'Metadata',
    auditID: created.headers['audit-id'],
    stage: 'ResponseComplete',
    requestURI: WIDGETS,
    verb: 'create',
    user: { username: 'system:apiserver', groups: ['system:masters', 'system:authenticated'] },
    sourceIPs: ['10.1.2.3', '127.0.0.1'],
    userAgent: 'tester/1.0',
    objectRef: {
      resource: 'widgets',
      namespace: 'default',
      name: 'noted',
      apiGroup: 'test.purlin.dev',
      apiVersion: 'v1alpha1',
    },
    responseStatus: { metadata: {}, code: 201 },
    requestReceivedTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
    stageTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
    annotations: { 'authorization.k8s.io/decision': 'allow', 'authorization.k8s.io/reason': '' },
  });
  expect(update).toMatchObject({
    verb: 'update',
    requestURI: `${WIDGETS}/noted/status?fieldManager=me`,
    objectRef: { name: 'noted', subresource: 'status' },
    responseStatus: { status: 'Failure', code: 400, message: "couldn't parse the body as JSON" },
  });
  expect(forbidden).toMatchObject({
    impersonatedUser: { username: 'jane', groups: ['team', 'system:authenticated'] },
    responseStatus: { code: 403, reason: 'Forbidden' },
    annotations: { 'authorization.k8s.io/decision': 'forbid' },
  });
});

test('every answer names its line, by the name that the client gave if it gave one', async () => {
  await start();
  const given = await api.call('GET', MAPS, undefined, { 'audit-id': 'mine-7' });
  const made = await api.call('GET', '/readyz');
  const unknown = await api.call('GET', MAPS, undefined, { authorization: 'Bearer wrong' });
  expect(given.headers['audit-id']).toBe('mine-7');
  for (const { headers } of [made, unknown]) expect(headers['audit-id']).toMatch(/^[0-9a-f-]{36}$/);
});

test('bodies are noted as JSON, whatever they came as; watches when they begin and when they end', async () => {
  await start(everything);
  const yaml = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: from-yaml}\ndata: {a: b}\n';
  await api.call('POST', MAPS, yaml, { 'content-type': 'application/yaml' });
  const patch = [{ op: 'add', path: '/data/c', value: 'd' }];
  await api.call('PATCH', `${MAPS}/from-yaml`, patch, { 'content-type': 'application/json-patch+json' });
  await api.call('GET', `${MAPS}?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Dnone`);
  await api.call('DELETE', `${MAPS}/from-yaml`);
  const long = `${MAPS}?fieldSelector=${'x'.repeat(3000)}`;
  await api.call('GET', long, undefined, { authorization: 'Bearer wrong', 'user-agent': 'a'.repeat(500) });
  const events = (await logged()).filter(({ requestURI }) => requestURI.startsWith(MAPS));
  const told = events.map(
    ({ verb, stage, responseStatus }) => `${verb} ${stage} ${responseStatus?.code ?? ''}`,
  );
  expect(told).toEqual([
    'create RequestReceived ',
    'create ResponseComplete 201',
    'patch RequestReceived ',
    'patch ResponseComplete 200',
    'watch RequestReceived ',
    'watch ResponseStarted 200',
    'watch ResponseComplete 200',
    'delete RequestReceived ',
    'delete ResponseComplete 200',
    'list ResponseComplete 401',
  ]);
  expect(events[1]).toMatchObject({
    requestObject: { kind: 'ConfigMap', metadata: { name: 'from-yaml' }, data: { a: 'b' } },
    responseObject: { metadata: { uid: expect.any(String) } },
  });
  expect(events[3]).toMatchObject({ requestObject: patch, responseObject: { data: { a: 'b', c: 'd' } } });
  expect(events[9]).toMatchObject({ user: {}, requestURI: long.slice(0, 256) });
  expect(events[9]?.['userAgent']).toBe(`${'a'.repeat(128)}...TRUNCATED`);
});

test('no secret is noted, at whatever level and however it is written', async () => {
  await start(everything);
  const secret = (name: string) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name },
    stringData: { a: HIDDEN },
  });
  await api.call('POST', SECRETS, secret('one'));
  await api.call(
    'PATCH',
    `${SECRETS}/one`,
    { stringData: { b: HIDDEN } },
    { 'content-type': 'application/merge-patch+json' },
  );
  const apply = { 'content-type': 'application/apply-patch+yaml' };
  await api.call('PATCH', `${SECRETS}/two?fieldManager=me`, secret('two'), apply);
  await api.kubectlWith(JSON.stringify(secret('three')), 'apply', '-f', '-');
  await api.kubectl('create', 'secret', 'generic', 'four', `--from-literal=a=${HIDDEN}`);
  await api.call('GET', SECRETS);
  await api.call('GET', `${SECRETS}/one`);
  await api.call('POST', MAPS, secret('misplaced'));
  await api.call('POST', SECRETS, { ...secret('wrong'), type: { a: HIDDEN } });
  const minted = await api.call('POST', '/api/v1/namespaces/default/serviceaccounts/default/token', {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: {},
  });
  const { token } = minted.body['status'] as unknown as { token: string };
  await api.call('POST', '/apis/authentication.k8s.io/v1/tokenreviews', {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenReview',
    spec: { token },
  });
  await api.call('GET', `${MAPS}?access_token=${token}`);
  const events = await logged();
  const text = JSON.stringify(events);
  expect(text).not.toContain(HIDDEN);
  expect(text).not.toContain(Buffer.from(HIDDEN).toString('base64'));
  expect(text).not.toContain(token);
  expect(events.filter(({ objectRef }) => objectRef?.resource === 'secrets').length).toBeGreaterThan(10);
});

test('a large body is left out, and the line says so', async () => {
  await start(everything);
  await api.call('POST', MAPS, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'x' },
    data: { a: 'x'.repeat(300_000) },
  });
  const event = (await logged()).find(({ verb, stage }) => verb === 'create' && stage === 'ResponseComplete');
  expect(event).not.toHaveProperty('requestObject');
  expect(event?.annotations?.['audit.purlin.dev/omitted']).toMatch(/Object: \d+ bytes, the limit is 262144/);
});

test('requests go on when the log cannot be written', async () => {
  await start();
  await rm(logFile(), { force: true });
  await mkdir(logFile(), { recursive: true });
  await api.restart();
  expect((await api.call('POST', WIDGETS, widget('unnoted'))).status).toBe(201);
  expect((await api.call('GET', `${WIDGETS}/unnoted`)).status).toBe(200);
  while (api.server.load().auditEventsLost === 0) await new Promise(setImmediate);
});
