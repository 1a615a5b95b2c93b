/** A write that others are always faster than ends when its time is up, or when its client has gone. */
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { Agent, request } from 'undici';
import { WIDGETS, startTestServer } from './harness.ts';
import type { TestServer } from './harness.ts';
import { configurationOf, startWebhookServer } from './webhook-server.ts';
import type { Reply, WebhookServer } from './webhook-server.ts';

let api: TestServer;
let hook: WebhookServer;
let writes = 0;

const STATUS = { 'content-type': 'application/merge-patch+json' };
const allowed: Reply = { response: { allowed: true } };

/** Asked about one write, makes another, which it is not asked about. */
async function overtake(): Promise<Reply> {
  const status = { conditions: [{ type: 'Overtaken', status: String(++writes) }] };
  await api.call(
    'PATCH',
    `${WIDGETS}/raced/status`,
    { metadata: { labels: { n: String(writes) } }, status },
    STATUS,
  );
  return allowed;
}

beforeAll(async () => {
  [api, hook] = await Promise.all([startTestServer(), startWebhookServer()]);
  hook.reply('/validating', () => allowed);
  for (const kind of ['mutating', 'validating'] as const) {
    const path = `/apis/admissionregistration.k8s.io/v1/${kind}webhookconfigurations`;
    const wanted = { name: kind, timeoutSeconds: 30, failurePolicy: 'Ignore' };
    expect(await api.call('POST', path, configurationOf(hook, kind, wanted))).toMatchObject({ status: 201 });
  }
  await api.call('POST', WIDGETS, widget());
});
afterAll(() => Promise.all([api.stop(), hook.close()]));
beforeEach(() => void hook.asked.splice(0));

const widget = (color = 'red'): object => ({
  apiVersion: 'test.purlin.dev/v1alpha1',
  kind: 'Widget',
  metadata: { name: 'raced' },
  spec: { color },
});

const ALLOTTED = 'Timeout: request did not complete within the allotted timeout';
const apply = { 'content-type': 'application/apply-patch+yaml' };

test.each([
  ['PATCH', `${WIDGETS}/raced?`, { spec: { color: 'blue' } }, STATUS],
  ['PATCH', `${WIDGETS}/raced?fieldManager=me&force=true&`, widget('blue'), apply],
  ['DELETE', `${WIDGETS}/raced?`, undefined, {}],
] as const)('%s %s', async (method, path, body, headers) => {
  hook.reply('/mutating', overtake);
  const { status, body: answer } = await api.call(method, `${path}timeout=500ms`, body, headers);
  expect({ status, answer }).toMatchObject({
    status: 504,
    answer: {
      kind: 'Status',
      status: 'Failure',
      reason: 'Timeout',
      message: ALLOTTED,
      details: {},
      code: 504,
    },
  });
  expect(hook.asked.length).toBeGreaterThan(1);
  hook.reply('/mutating', () => allowed);
  expect(await api.call('GET', `${WIDGETS}/raced`)).toMatchObject({
    status: 200,
    body: { spec: { color: 'red' } },
  });
});

test.each(['mutating', 'validating'] as const)(
  'what a %s webhook does not answer in time is not written, even if that webhook does not matter',
  async (kind) => {
    const hungUp = hook.hungUp();
    hook.reply(`/${kind}`, () => 'silence');
    const { status, body } = await api.call('POST', `${WIDGETS}?timeout=300ms`, {
      ...widget(),
      metadata: { name: `unanswered-${kind}` },
    });
    expect({ status, body }).toMatchObject({ status: 504, body: { message: ALLOTTED } });
    expect(await api.call('GET', `${WIDGETS}/unanswered-${kind}`)).toMatchObject({ status: 404 });
    hook.reply(`/${kind}`, () => allowed);
    await hungUp;
  },
);

test('nobody is asked about a write whose client has gone', async () => {
  const client = new AbortController();
  const hungUp = hook.hungUp();
  hook.reply('/mutating', () => {
    client.abort();
    return 'silence';
  });
  const dispatcher = new Agent({ connect: { ca: api.server.caPem } });
  const left = request(`${api.server.url}${WIDGETS}/raced`, {
    method: 'DELETE',
    dispatcher,
    headers: { authorization: `Bearer ${api.server.loopbackToken}` },
    signal: client.signal,
  });
  await expect(left).rejects.toThrow('aborted');
  await hungUp;
  hook.reply('/mutating', () => allowed);
  expect(await api.call('GET', `${WIDGETS}/raced`)).toMatchObject({ status: 200 });
  await dispatcher.close();
});

test.each([
  ['bad', 'invalid timeout specified in the request URL - time: invalid duration "bad"'],
  ['5', 'invalid timeout specified in the request URL - time: missing unit in duration "5"'],
])('a timeout of %j', async (timeout, message) => {
  for (const path of [WIDGETS, '/version', '/nowhere']) {
    expect(await api.call('GET', `${path}?timeout=${timeout}`)).toMatchObject({
      status: 400,
      body: { reason: 'BadRequest', message },
    });
  }
  const events = await api.watch(`${WIDGETS}?watch=1&timeout=${timeout}`);
  expect(await events.next()).toMatchObject({ type: 'ADDED' });
  events.close();
});
