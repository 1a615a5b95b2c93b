/** Admission webhooks, with a webhook that is really called over HTTPS. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import type { Webhook } from '../../../src/apiserver/admission/spec.ts';
import { webhookClient } from '../../../src/apiserver/admission/webhook/client.ts';
import { until } from './expecting.ts';
import { WIDGETS, startTestServer } from './harness.ts';
import type { Answer, TestServer } from './harness.ts';
import { configurationOf, patchReply, startWebhookServer } from './webhook-server.ts';
import type { Kind, Reply, Wanted, WebhookServer } from './webhook-server.ts';

// Some wait for timeouts of a second.
jest.setTimeout(60_000);

let api: TestServer;
let hook: WebhookServer;
beforeAll(async () => {
  [api, hook] = await Promise.all([startTestServer(), startWebhookServer()]);
});
afterAll(() => Promise.all([api.stop(), hook.close()]));

const path = (kind: Kind): string => `/apis/admissionregistration.k8s.io/v1/${kind}webhookconfigurations`;
const configured: string[] = [];
beforeEach(() => void hook.asked.splice(0));
afterEach(async () => {
  for (const one of configured.splice(0)) await api.call('DELETE', one);
});

/** One configuration with one webhook, which is asked about Widgets. */
async function configure(kind: Kind, wanted: Wanted = {}): Promise<void> {
  const configuration = configurationOf(hook, kind, wanted);
  const { status, body } = await api.call('POST', path(kind), configuration);
  expect({ status, body }).toMatchObject({ status: 201 });
  configured.push(`${path(kind)}/${configuration.metadata.name}`);
}

const widget = (name: string, spec: object = {}): object => ({
  apiVersion: 'test.purlin.dev/v1alpha1',
  kind: 'Widget',
  metadata: { name },
  spec: { color: 'red', ...spec },
});
const create = (name: string, query = ''): Promise<Answer> =>
  api.call('POST', `${WIDGETS}?fieldManager=me${query}`, widget(name));
const merge = { 'content-type': 'application/merge-patch+json' };

test.each(['/metadata', '/metadata/name'])(
  'an object from which a webhook removes %s has no name',
  async (path) => {
    await configure('mutating', { name: 'namer' });
    hook.reply('/namer', () => patchReply([{ op: 'remove', path }]));
    expect(await create('nameless')).toMatchObject({
      status: 422,
      body: { reason: 'Invalid', message: expect.stringContaining('metadata.name: Required value') as never },
    });
  },
);

test('a webhook may name what would get a name from the server', async () => {
  await configure('mutating', { name: 'namer' });
  hook.reply('/namer', () => ({ response: { allowed: true } }));
  const generated = { ...widget(''), metadata: { generateName: 'some-' } };
  expect(await api.call('POST', WIDGETS, generated)).toMatchObject({
    body: { metadata: { name: expect.stringMatching(/^some-.{5}$/) as never } },
  });
  hook.reply('/namer', () => patchReply([{ op: 'add', path: '/metadata/name', value: 'chosen' }]));
  expect(await api.call('POST', WIDGETS, generated)).toMatchObject({
    status: 201,
    body: { metadata: { name: 'chosen', generateName: 'some-' } },
  });
});

test('what is asked, on creation, change and deletion', async () => {
  await configure('mutating');
  await create('asked');
  await api.call('PATCH', `${WIDGETS}/asked`, { spec: { color: 'blue' } }, merge);
  await api.call('DELETE', `${WIDGETS}/asked`);
  const [creation, change, deletion] = hook.asked;
  expect(creation).toMatchObject({
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    request: {
      kind: { group: 'test.purlin.dev', version: 'v1alpha1', kind: 'Widget' },
      resource: { group: 'test.purlin.dev', version: 'v1alpha1', resource: 'widgets' },
      requestKind: { group: 'test.purlin.dev', version: 'v1alpha1', kind: 'Widget' },
      requestResource: { group: 'test.purlin.dev', version: 'v1alpha1', resource: 'widgets' },
      name: 'asked',
      namespace: 'default',
      operation: 'CREATE',
      userInfo: {
        username: 'system:apiserver',
        groups: expect.arrayContaining(['system:authenticated']) as never,
      },
      object: { metadata: { name: 'asked', namespace: 'default' }, spec: { color: 'red' } },
      oldObject: null,
      dryRun: false,
      options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1', fieldManager: 'me' },
    },
  });
  expect(creation?.request.object?.metadata).not.toHaveProperty('uid');
  expect(change?.request).toMatchObject({
    operation: 'UPDATE',
    object: { spec: { color: 'blue' } },
    oldObject: { spec: { color: 'red' } },
    options: { kind: 'UpdateOptions' },
  });
  expect(deletion?.request).toMatchObject({
    operation: 'DELETE',
    object: null,
    oldObject: { spec: { color: 'blue' } },
    options: { kind: 'DeleteOptions' },
  });
});

test('what a webhook makes of an object is validated, and nobody manages it', async () => {
  await configure('mutating');
  hook.reply('/a', () =>
    patchReply([
      { op: 'add', path: '/metadata/labels', value: { hooked: 'yes' } },
      { op: 'add', path: '/spec/unknown', value: 1 },
      { op: 'replace', path: '/metadata/name', value: 'mutated' },
    ]),
  );
  expect(await create('mutated')).toMatchObject({
    status: 201,
    body: { metadata: { labels: { hooked: 'yes' }, generation: 1 }, spec: { color: 'red' } },
  });
  const { body } = await api.call('GET', `${WIDGETS}/mutated`);
  expect(body['spec']).not.toHaveProperty('unknown');
  const { managedFields } = body['metadata'] as unknown as { managedFields: object[] };
  expect(managedFields).toMatchObject([{ manager: 'me', fieldsV1: { 'f:spec': {} } }]);
  expect(JSON.stringify(managedFields)).not.toContain('hooked');
  hook.reply('/a', () => patchReply([{ op: 'remove', path: '/spec/color' }]));
  expect(await create('invalid')).toMatchObject({
    status: 422,
    body: { message: expect.stringContaining('spec.color: Required value') as never },
  });
});

test('one after the other by name, and again where one asks for it', async () => {
  const append = (letter: string) => (): Reply =>
    patchReply([{ op: 'add', path: `/metadata/annotations/${letter}`, value: letter }]);
  await configure('mutating', { name: 'first', reinvocationPolicy: 'IfNeeded' });
  await configure('mutating', { name: 'second' });
  hook.reply('/first', () =>
    patchReply([{ op: 'add', path: '/metadata/annotations', value: { first: 'x' } }]),
  );
  hook.reply('/second', append('second'));
  await create('twice');
  expect(
    hook.asked.map(({ request }) => Object.keys((request.object?.metadata['annotations'] ?? {}) as object)),
  ).toEqual([[], ['first'], ['first', 'second']]);
});

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
  await configure('validating');
  hook.reply('/a', () => reply);
  expect(await create('refused')).toMatchObject({ status: code, body: { message } });
  expect((await api.call('GET', `${WIDGETS}/refused`)).status).toBe(404);
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
  hook.reply('/a', () => reply);
  await configure('mutating');
  const message = `Internal error occurred: failed calling webhook "a.hook.example.com": ${why.replace('URL', `${hook.url}/a`)}`;
  const { status, body } = await create('failing');
  expect({ status, message: body['message'] }).toMatchObject({
    status: 500,
    message: expect.stringContaining(message) as never,
  });
  await api.call('DELETE', configured.pop() ?? '');
  await configure('mutating', { failurePolicy: 'Ignore' });
  expect((await create('failing')).status).toBe(201);
  await api.call('DELETE', `${WIDGETS}/failing`);
});

test('a refusal that looks like a lost race ends the request all the same', async () => {
  await create('there');
  const apply = { 'content-type': 'application/apply-patch+yaml' };
  const applied = (name: string) =>
    api.call('PATCH', `${WIDGETS}/${name}?fieldManager=me`, widget(name), apply);
  const deny = (code: number, reason: string) => (): Reply => ({
    response: { allowed: false, status: { code, reason } },
  });
  await configure('mutating');
  hook.reply('/a', deny(404, 'NotFound'));
  expect((await applied('there')).status).toBe(404);
  hook.reply('/a', deny(409, 'AlreadyExists'));
  expect((await applied('absent')).status).toBe(409);
  expect((await api.call('DELETE', WIDGETS)).status).toBe(409);
  expect((await api.call('GET', `${WIDGETS}/there`)).status).toBe(200);
});

test('one that nobody vouches for', async () => {
  const caBundle = Buffer.from(api.server.caPem).toString('base64');
  await configure('validating', { clientConfig: { url: `${hook.url}/a`, caBundle } });
  const { status, body } = await create('unvouched');
  expect(status).toBe(500);
  expect(body['message']).toContain(
    'tls: failed to verify certificate: x509: certificate signed by unknown authority',
  );
  expect(hook.asked).toEqual([]);
});

test('validating ones change nothing, and all of them are asked', async () => {
  hook.reply('/a', () => ({ response: { allowed: true, warnings: ['think twice'] } }));
  hook.reply('/b', () => patchReply([{ op: 'remove', path: '/spec/color' }]));
  await configure('validating');
  await configure('validating', { name: 'b' });
  const { status, body, headers } = await create('unchanged');
  expect({ status, warning: headers['warning'] }).toEqual({ status: 500, warning: '299 - "think twice"' });
  expect(body['message']).toContain('validating webhook may not return response.patch');
  expect(hook.asked).toHaveLength(2);
});

test('dry runs tell the webhook so', async () => {
  await configure('validating');
  hook.reply('/a', () => ({ response: { allowed: true } }));
  await create('dry', '&dryRun=All');
  expect(hook.asked[0]?.request['dryRun']).toBe(true);
});

test.each([
  ['objectSelector', { objectSelector: { matchLabels: { wanted: 'yes' } } }],
  ['namespaceSelector', { namespaceSelector: { matchLabels: { wanted: 'yes' } } }],
  [
    'matchConditions',
    { matchConditions: [{ name: 'wanted', expression: "object.metadata.name == 'wanted'" }] },
  ],
  [
    'rules',
    { rules: [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['widgets/status'] }] },
  ],
])('who is not meant by %s does not wait for it', async (what, more) => {
  hook.reply('/a', () => ({ response: { allowed: false } }));
  await configure('validating', more);
  expect((await create(`unmeant-${what.toLowerCase()}`)).status).toBe(201);
  expect(hook.asked).toEqual([]);
});

test('statuses, of which other rules speak', async () => {
  hook.reply('/a', () => ({ response: { allowed: true } }));
  await create('reporting');
  await configure('validating', {
    rules: [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['UPDATE'], resources: ['*/status'] }],
  });
  await api.call('PATCH', `${WIDGETS}/reporting`, { spec: { color: 'blue' } }, merge);
  await api.call('PATCH', `${WIDGETS}/reporting/status`, { status: { phase: 'x' } }, merge);
  expect(hook.asked.map(({ request }) => request['subResource'])).toEqual(['status']);
});

test('a Scale is asked about as such, and what becomes of it is written to the object', async () => {
  const fields = { type: 'object', properties: { replicas: { type: 'integer' } } };
  await api.call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'fleets.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { kind: 'Fleet', plural: 'fleets' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', properties: { spec: fields, status: fields } } },
          subresources: {
            status: {},
            scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' },
          },
        },
      ],
    },
  });
  const fleets = '/apis/example.com/v1/namespaces/default/fleets';
  const fleet = {
    apiVersion: 'example.com/v1',
    kind: 'Fleet',
    metadata: { name: 'f' },
    spec: { replicas: 1 },
  };
  expect((await api.call('POST', fleets, fleet)).status).toBe(201);
  await configure('mutating', {
    rules: [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['fleets/scale'] }],
  });
  hook.reply('/a', () => patchReply([{ op: 'replace', path: '/spec/replicas', value: 3 }]));
  expect(await api.call('PATCH', `${fleets}/f/scale`, { spec: { replicas: 9 } }, merge)).toMatchObject({
    status: 200,
    body: { spec: { replicas: 3 } },
  });
  expect(hook.asked[0]?.request).toMatchObject({
    kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
    subResource: 'scale',
    object: { kind: 'Scale', spec: { replicas: 9 } },
    oldObject: { kind: 'Scale', spec: { replicas: 1 } },
  });
  expect((await api.call('GET', `${fleets}/f`)).body['spec']).toEqual({ replicas: 3 });
});

test('the configuration itself is nobody else’s business', async () => {
  hook.reply('/a', () => ({ response: { allowed: false } }));
  await configure('validating', {
    rules: [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*/*'] }],
  });
  expect((await create('locked')).status).toBe(400);
  expect((await api.call('DELETE', configured.pop() ?? '')).status).toBe(200);
  expect((await create('locked')).status).toBe(201);
});

test('a Service is refused with what to do instead', async () => {
  const { status, body } = await api.call('POST', path('mutating'), {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'service' },
    webhooks: [
      {
        name: 'a.hook.example.com',
        clientConfig: { service: { namespace: 'default', name: 'x' } },
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
      },
    ],
  });
  expect({ status, body }).toMatchObject({
    status: 422,
    body: {
      details: {
        causes: [
          {
            field: 'webhooks[0].clientConfig.service',
            message: expect.stringContaining('set url to https://host:port/path') as never,
          },
        ],
      },
    },
  });
});

test('a webhook that does not answer does not keep the server from stopping', async () => {
  const own = await startTestServer();
  const configuration = configurationOf(hook, 'validating', { timeoutSeconds: 30 });
  expect((await own.call('POST', path('validating'), configuration)).status).toBe(201);
  const asked = new Promise<void>((resolve) => hook.reply('/a', () => (resolve(), 'silence')));
  const pending = own.call('POST', WIDGETS, widget('pending')).catch(() => 'cut off');
  await asked;
  await own.stop();
  expect(await pending).toBe('cut off');
});

test('a request that began before a configuration changed still asks the webhook as it was', async () => {
  hook.reply('/a', () => ({ response: { allowed: true } }));
  const [webhook] = configurationOf(hook, 'mutating').webhooks;
  const client = webhookClient(webhook as Webhook);
  const ask = () => client.call({ request: { uid: 'u' } }, new AbortController().signal);
  expect(await ask()).toMatchObject({ response: { allowed: true } });
  client.close();
  expect(await ask()).toMatchObject({ response: { allowed: true } });
});

test('a deletion of many that is refused is answered when nothing of it is under way any more', async () => {
  await api.call('DELETE', WIDGETS);
  await create('goes');
  await create('stays');
  await configure('validating', { timeoutSeconds: 10 });
  const order: string[] = [];
  const release = Promise.withResolvers<void>();
  hook.reply('/a', async ({ request: { name } }) => {
    if (name === 'stays') return { response: { allowed: false, status: { message: 'it stays' } } };
    await release.promise;
    order.push('released');
    return { response: { allowed: true } };
  });
  const deleting = api.call('DELETE', WIDGETS).then((answer) => {
    order.push('answered');
    return answer;
  });
  await until(() => hook.asked.length === 2);
  // Long enough for the refusal to have come.
  for (let trips = 0; trips < 5; trips += 1) await api.call('GET', `${WIDGETS}/goes`);
  release.resolve();
  expect((await deleting).body['message']).toContain('it stays');
  expect(order).toEqual(['released', 'answered']);
  expect((await api.call('GET', `${WIDGETS}/goes`)).status).toBe(404);
});
