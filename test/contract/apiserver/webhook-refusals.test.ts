/** Webhooks that refuse, fail, or do not answer. */
import { expect, jest, test } from '@jest/globals';
import { until } from './expecting.ts';
import { WIDGETS, startTestServer } from './harness.ts';
import { configurations, webhookGround, widget } from './webhook-ground.ts';
import { configurationOf } from './webhook-server.ts';
import type { Reply } from './webhook-server.ts';

// Some wait for timeouts of a second.
jest.setTimeout(60_000);

const ground = webhookGround();

const refusals: [string, Reply, number, string][] = [
  [
    'its own code, reason and message',
    { response: { allowed: false, status: { code: 409, reason: 'Conflict', message: 'not you' } } },
    409,
    'admission webhook "a.hook.example.com" denied the request: not you',
  ],
  [
    'nothing at all',
    { response: { allowed: false } },
    400,
    'admission webhook "a.hook.example.com" denied the request without explanation',
  ],
];

test.each(refusals)('a refusal with %s', async (_, reply, code, message) => {
  await ground.configure('validating');
  ground.hook.reply('/a', () => reply);
  expect(await ground.create('refused')).toMatchObject({ status: code, body: { message } });
  expect((await ground.api.call('GET', `${WIDGETS}/refused`)).status).toBe(404);
});

const failures: [string, Reply, string][] = [
  ['does not answer', 'silence', 'failed to call webhook: Post "URL?timeout=1s": context deadline exceeded'],
  [
    'answers garbage',
    { body: 'garbage' },
    "failed to call webhook: couldn't get version/kind; json parse error: ",
  ],
  ['answers nothing', { body: '{}' }, 'received invalid webhook response: webhook response was absent'],
  [
    'fails',
    { status: 500 },
    'failed to call webhook: an error on the server ("") has prevented the request from succeeding',
  ],
  [
    'is not there',
    { status: 404 },
    'failed to call webhook: the server could not find the requested resource',
  ],
  [
    'answers another',
    { response: { allowed: true, uid: 'another' } },
    'received invalid webhook response: expected response.uid="',
  ],
  [
    'patches without saying how',
    { response: { allowed: true, patch: 'W10=' } },
    'received invalid webhook response: webhook returned response.patch but not response.patchType',
  ],
];

test.each(failures)('one that %s', async (_, reply, why) => {
  ground.hook.reply('/a', () => reply);
  await ground.configure('mutating');
  const message = `Internal error occurred: failed calling webhook "a.hook.example.com": ${why.replace('URL', `${ground.hook.url}/a`)}`;
  const { status, body } = await ground.create('failing');
  expect({ status, message: body['message'] }).toMatchObject({
    status: 500,
    message: expect.stringContaining(message) as never,
  });
  await ground.unconfigure();
  await ground.configure('mutating', { failurePolicy: 'Ignore' });
  expect((await ground.create('failing')).status).toBe(201);
  await ground.api.call('DELETE', `${WIDGETS}/failing`);
});

test('a refusal that looks like a lost race ends the request all the same', async () => {
  await ground.create('there');
  const apply = { 'content-type': 'application/apply-patch+yaml' };
  const applied = (name: string) =>
    ground.api.call('PATCH', `${WIDGETS}/${name}?fieldManager=me`, widget(name), apply);
  const deny = (code: number, reason: string) => (): Reply => ({
    response: { allowed: false, status: { code, reason } },
  });
  await ground.configure('mutating');
  ground.hook.reply('/a', deny(404, 'NotFound'));
  expect((await applied('there')).status).toBe(404);
  ground.hook.reply('/a', deny(409, 'AlreadyExists'));
  expect((await applied('absent')).status).toBe(409);
  expect((await ground.api.call('DELETE', WIDGETS)).status).toBe(409);
  expect((await ground.api.call('GET', `${WIDGETS}/there`)).status).toBe(200);
});

test('one that nobody vouches for', async () => {
  const caBundle = Buffer.from(ground.api.server.caPem).toString('base64');
  await ground.configure('validating', { clientConfig: { url: `${ground.hook.url}/a`, caBundle } });
  const { status, body } = await ground.create('unvouched');
  expect(status).toBe(500);
  expect(body['message']).toContain(
    'tls: failed to verify certificate: x509: certificate signed by unknown authority',
  );
  expect(ground.hook.asked).toEqual([]);
});

test('a webhook that does not answer does not keep the server from stopping', async () => {
  const own = await startTestServer();
  const configuration = configurationOf(ground.hook, 'validating', { timeoutSeconds: 30 });
  expect((await own.call('POST', configurations('validating'), configuration)).status).toBe(201);
  const asked = new Promise<void>((resolve) => ground.hook.reply('/a', () => (resolve(), 'silence')));
  const pending = own.call('POST', WIDGETS, widget('pending')).catch(() => 'cut off');
  await asked;
  await own.stop();
  expect(await pending).toBe('cut off');
});

test('a deletion of many that is refused is answered when nothing of it is under way any more', async () => {
  await ground.api.call('DELETE', WIDGETS);
  await ground.create('goes');
  await ground.create('stays');
  await ground.configure('validating', { timeoutSeconds: 10 });
  const order: string[] = [];
  const release = Promise.withResolvers<void>();
  ground.hook.reply('/a', async ({ request: { name } }) => {
    if (name === 'stays') return { response: { allowed: false, status: { message: 'it stays' } } };
    await release.promise;
    order.push('released');
    return { response: { allowed: true } };
  });
  const deleting = ground.api.call('DELETE', WIDGETS).then((answer) => {
    order.push('answered');
    return answer;
  });
  await until(() => ground.hook.asked.length === 2);
  // Long enough for the refusal to have come.
  for (let trips = 0; trips < 5; trips += 1) await ground.api.call('GET', `${WIDGETS}/goes`);
  release.resolve();
  expect((await deleting).body['message']).toContain('it stays');
  expect(order).toEqual(['released', 'answered']);
  expect((await ground.api.call('GET', `${WIDGETS}/goes`)).status).toBe(404);
});
