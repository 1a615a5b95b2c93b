/** Admission webhooks, with a webhook that is really called over HTTPS. */
import { expect, test } from '@jest/globals';
import type { Webhook } from '../../../src/apiserver/admission/spec.ts';
import { webhookClient } from '../../../src/apiserver/admission/webhook/client.ts';
import { WIDGETS } from './harness.ts';
import { configurations, webhookGround, widget } from './webhook-ground.ts';
import { configurationOf, patchReply } from './webhook-server.ts';
import type { Reply } from './webhook-server.ts';

const ground = webhookGround();
const merge = { 'content-type': 'application/merge-patch+json' };

test.each(['/metadata', '/metadata/name'])(
  'an object from which a webhook removes %s has no name',
  async (path) => {
    await ground.configure('mutating', { name: 'namer' });
    ground.hook.reply('/namer', () => patchReply([{ op: 'remove', path }]));
    expect(await ground.create('nameless')).toMatchObject({
      status: 422,
      body: { reason: 'Invalid', message: expect.stringContaining('metadata.name: Required value') as never },
    });
  },
);

test('a webhook may name what would get a name from the server', async () => {
  await ground.configure('mutating', { name: 'namer' });
  ground.hook.reply('/namer', () => ({ response: { allowed: true } }));
  const generated = { ...widget(''), metadata: { generateName: 'some-' } };
  expect(await ground.api.call('POST', WIDGETS, generated)).toMatchObject({
    body: { metadata: { name: expect.stringMatching(/^some-.{5}$/) as never } },
  });
  ground.hook.reply('/namer', () => patchReply([{ op: 'add', path: '/metadata/name', value: 'chosen' }]));
  expect(await ground.api.call('POST', WIDGETS, generated)).toMatchObject({
    status: 201,
    body: { metadata: { name: 'chosen', generateName: 'some-' } },
  });
});

test('what is asked, on creation, change and deletion', async () => {
  await ground.configure('mutating');
  await ground.create('asked');
  await ground.api.call('PATCH', `${WIDGETS}/asked`, { spec: { color: 'blue' } }, merge);
  await ground.api.call('DELETE', `${WIDGETS}/asked`);
  const [creation, change, deletion] = ground.hook.asked;
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
  await ground.configure('mutating');
  ground.hook.reply('/a', () =>
    patchReply([
      { op: 'add', path: '/metadata/labels', value: { hooked: 'yes' } },
      { op: 'add', path: '/spec/unknown', value: 1 },
      { op: 'replace', path: '/metadata/name', value: 'mutated' },
    ]),
  );
  expect(await ground.create('mutated')).toMatchObject({
    status: 201,
    body: { metadata: { labels: { hooked: 'yes' }, generation: 1 }, spec: { color: 'red' } },
  });
  const { body } = await ground.api.call('GET', `${WIDGETS}/mutated`);
  expect(body['spec']).not.toHaveProperty('unknown');
  const { managedFields } = body['metadata'] as unknown as { managedFields: object[] };
  expect(managedFields).toMatchObject([{ manager: 'me', fieldsV1: { 'f:spec': {} } }]);
  expect(JSON.stringify(managedFields)).not.toContain('hooked');
  ground.hook.reply('/a', () => patchReply([{ op: 'remove', path: '/spec/color' }]));
  expect(await ground.create('invalid')).toMatchObject({
    status: 422,
    body: { message: expect.stringContaining('spec.color: Required value') as never },
  });
});

test('one after the other by name, and again where one asks for it', async () => {
  const append = (letter: string) => (): Reply =>
    patchReply([{ op: 'add', path: `/metadata/annotations/${letter}`, value: letter }]);
  await ground.configure('mutating', { name: 'first', reinvocationPolicy: 'IfNeeded' });
  await ground.configure('mutating', { name: 'second' });
  ground.hook.reply('/first', () =>
    patchReply([{ op: 'add', path: '/metadata/annotations', value: { first: 'x' } }]),
  );
  ground.hook.reply('/second', append('second'));
  await ground.create('twice');
  expect(
    ground.hook.asked.map(({ request }) =>
      Object.keys((request.object?.metadata['annotations'] ?? {}) as object),
    ),
  ).toEqual([[], ['first'], ['first', 'second']]);
});

test('validating ones change nothing, and all of them are asked', async () => {
  ground.hook.reply('/a', () => ({ response: { allowed: true, warnings: ['think twice'] } }));
  ground.hook.reply('/b', () => patchReply([{ op: 'remove', path: '/spec/color' }]));
  await ground.configure('validating');
  await ground.configure('validating', { name: 'b' });
  const { status, body, headers } = await ground.create('unchanged');
  expect({ status, warning: headers['warning'] }).toEqual({ status: 500, warning: '299 - "think twice"' });
  expect(body['message']).toContain('validating webhook may not return response.patch');
  expect(ground.hook.asked).toHaveLength(2);
});

test('dry runs tell the webhook so', async () => {
  await ground.configure('validating');
  ground.hook.reply('/a', () => ({ response: { allowed: true } }));
  await ground.create('dry', '&dryRun=All');
  expect(ground.hook.asked[0]?.request['dryRun']).toBe(true);
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
  ground.hook.reply('/a', () => ({ response: { allowed: false } }));
  await ground.configure('validating', more);
  expect((await ground.create(`unmeant-${what.toLowerCase()}`)).status).toBe(201);
  expect(ground.hook.asked).toEqual([]);
});

test('statuses, of which other rules speak', async () => {
  ground.hook.reply('/a', () => ({ response: { allowed: true } }));
  await ground.create('reporting');
  await ground.configure('validating', {
    rules: [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['UPDATE'], resources: ['*/status'] }],
  });
  await ground.api.call('PATCH', `${WIDGETS}/reporting`, { spec: { color: 'blue' } }, merge);
  await ground.api.call('PATCH', `${WIDGETS}/reporting/status`, { status: { phase: 'x' } }, merge);
  expect(ground.hook.asked.map(({ request }) => request['subResource'])).toEqual(['status']);
});

test('a Scale is asked about as such, and what becomes of it is written to the object', async () => {
  const fields = { type: 'object', properties: { replicas: { type: 'integer' } } };
  await ground.api.call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
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
  expect((await ground.api.call('POST', fleets, fleet)).status).toBe(201);
  await ground.configure('mutating', {
    rules: [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['fleets/scale'] }],
  });
  ground.hook.reply('/a', () => patchReply([{ op: 'replace', path: '/spec/replicas', value: 3 }]));
  expect(await ground.api.call('PATCH', `${fleets}/f/scale`, { spec: { replicas: 9 } }, merge)).toMatchObject(
    {
      status: 200,
      body: { spec: { replicas: 3 } },
    },
  );
  expect(ground.hook.asked[0]?.request).toMatchObject({
    kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
    subResource: 'scale',
    object: { kind: 'Scale', spec: { replicas: 9 } },
    oldObject: { kind: 'Scale', spec: { replicas: 1 } },
  });
  expect((await ground.api.call('GET', `${fleets}/f`)).body['spec']).toEqual({ replicas: 3 });
});

test('the configuration itself is nobody else’s business', async () => {
  ground.hook.reply('/a', () => ({ response: { allowed: false } }));
  await ground.configure('validating', {
    rules: [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: ['*/*'] }],
  });
  expect((await ground.create('locked')).status).toBe(400);
  expect((await ground.unconfigure()).status).toBe(200);
  expect((await ground.create('locked')).status).toBe(201);
});

test('a Service is refused with what to do instead', async () => {
  const { status, body } = await ground.api.call('POST', configurations('mutating'), {
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

test('a request that began before a configuration changed still asks the webhook as it was', async () => {
  ground.hook.reply('/a', () => ({ response: { allowed: true } }));
  const [webhook] = configurationOf(ground.hook, 'mutating').webhooks;
  const client = webhookClient(webhook as Webhook);
  const ask = () => client.call({ request: { uid: 'u' } }, new AbortController().signal);
  expect(await ask()).toMatchObject({ response: { allowed: true } });
  client.close();
  expect(await ask()).toMatchObject({ response: { allowed: true } });
});
