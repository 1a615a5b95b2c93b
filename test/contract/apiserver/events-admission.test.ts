/** Whoever speaks of Events in one form means those that are written in the other too. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { startTestServer } from './harness.ts';
import type { TestServer } from './harness.ts';
import { configurationOf, patchReply, startWebhookServer } from './webhook-server.ts';
import type { WebhookServer } from './webhook-server.ts';

let api: TestServer;
let hook: WebhookServer;
beforeAll(async () => {
  [api, hook] = await Promise.all([startTestServer(), startWebhookServer()]);
});
afterAll(() => Promise.all([api.stop(), hook.close()]));

const ADMISSION = '/apis/admissionregistration.k8s.io/v1';
const HOOKS = `${ADMISSION}/mutatingwebhookconfigurations`;
const POLICIES = `${ADMISSION}/validatingadmissionpolicies`;
const BINDINGS = `${ADMISSION}/validatingadmissionpolicybindings`;
const MERGE = { 'content-type': 'application/merge-patch+json' };

const made: string[] = [];
afterEach(async () => {
  for (const path of made.splice(0)) await api.call('DELETE', path);
  hook.asked.splice(0);
});
async function make(path: string, name: string, object: object): Promise<void> {
  expect(await api.call('POST', path, object)).toMatchObject({ status: 201 });
  made.push(`${path}/${name}`);
}

const CORE = {
  group: '',
  path: '/api/v1/namespaces/default/events',
  text: 'message',
  resource: { group: '', version: 'v1', resource: 'events' },
  event: (name: string) => ({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace: 'default' },
    involvedObject: { kind: 'Pod', name: 'p', namespace: 'default' },
    reason: 'Tested',
    message: 'hello',
    type: 'Normal',
    source: { component: 'c' },
  }),
};
const NEW = {
  group: 'events.k8s.io',
  path: '/apis/events.k8s.io/v1/namespaces/default/events',
  text: 'note',
  resource: { group: 'events.k8s.io', version: 'v1', resource: 'events' },
  event: (name: string) => ({
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name, namespace: 'default' },
    regarding: { kind: 'Pod', name: 'p', namespace: 'default' },
    reason: 'Tested',
    note: 'hello',
    type: 'Normal',
    action: 'Test',
    eventTime: '2026-01-01T00:00:00.000000Z',
    reportingController: 'example.com/c',
    reportingInstance: 'c-1',
  }),
};
const forms = [
  ['core', CORE, NEW],
  ['new', NEW, CORE],
] as const;
const rulesOf = ({ group }: { group: string }) => [
  { apiGroups: [group], apiVersions: ['v1'], operations: ['*'], resources: ['events'] },
];

test.each(forms)('a webhook for the %s form', async (name, asked, written) => {
  await make(HOOKS, name, configurationOf(hook, 'mutating', { name, rules: rulesOf(asked) }));
  hook.reply(`/${name}`, ({ request }) =>
    request.operation === 'CREATE'
      ? patchReply([{ op: 'replace', path: `/${asked.text}`, value: 'patched' }])
      : { response: { allowed: true } },
  );
  const event = written.event(name);
  expect(await api.call('POST', written.path, event)).toMatchObject({
    status: 201,
    body: { apiVersion: event.apiVersion, reason: 'Tested', [written.text]: 'patched' },
  });
  await api.call('PATCH', `${written.path}/${name}`, { metadata: { labels: { a: 'b' } } }, MERGE);
  await api.call('DELETE', `${written.path}/${name}`);
  const { apiVersion } = asked.event('');
  expect(hook.asked.map(({ request }) => request)).toMatchObject([
    {
      operation: 'CREATE',
      resource: asked.resource,
      requestResource: written.resource,
      object: { apiVersion, [asked.text]: 'hello' },
    },
    {
      operation: 'UPDATE',
      object: { apiVersion, [asked.text]: 'patched', metadata: { labels: { a: 'b' } } },
      oldObject: { apiVersion, [asked.text]: 'patched' },
    },
    { operation: 'DELETE', object: null, oldObject: { apiVersion, [asked.text]: 'patched' } },
  ]);
});

test.each(forms)('a webhook for exactly the %s form', async (name, asked, written) => {
  const configuration = { name, rules: rulesOf(asked), matchPolicy: 'Exact' };
  await make(HOOKS, name, configurationOf(hook, 'mutating', configuration));
  expect(await api.call('POST', written.path, written.event(`exact-${name}`))).toMatchObject({ status: 201 });
  expect(hook.asked).toEqual([]);
});

test.each(forms)('a policy for the %s form', async (name, asked, written) => {
  const policy = {
    matchConstraints: { resourceRules: rulesOf(asked) },
    validations: [{ expression: `object.${asked.text} != "hello"` }],
  };
  const of = (kind: string, spec: object): object => ({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind,
    metadata: { name },
    spec,
  });
  await make(POLICIES, name, of('ValidatingAdmissionPolicy', policy));
  const binding = { policyName: name, validationActions: ['Deny'] };
  await make(BINDINGS, name, of('ValidatingAdmissionPolicyBinding', binding));
  const event = written.event(`policed-${name}`);
  const called = written.group ? `events.${written.group}` : 'events';
  const { status, body } = await api.call('POST', written.path, event);
  expect({ status, body }).toMatchObject({
    status: 422,
    body: {
      message:
        `${called} "policed-${name}" is forbidden: ValidatingAdmissionPolicy '${name}' with binding '${name}' ` +
        `denied request: failed expression: object.${asked.text} != "hello"`,
    },
  });
  expect(await api.call('POST', written.path, { ...event, [written.text]: 'bye' })).toMatchObject({
    status: 201,
  });
});

test('quotas do not count Events, in either form', async () => {
  const hard = {
    'count/events': '0',
    'count/events.events.k8s.io': '0',
    'count/leases.coordination.k8s.io': '5',
  };
  const quota = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'events' }, spec: { hard } };
  await make('/api/v1/namespaces/default/resourcequotas', 'events', quota);
  for (const { path, event } of [CORE, NEW]) {
    expect(await api.call('POST', path, event(`uncounted-${path.length}`))).toMatchObject({
      status: 201,
    });
  }
  const [path = ''] = made;
  let used: unknown;
  while (used === undefined) used = (await api.call('GET', path)).body['status']?.['used'];
  expect(used).toEqual({ 'count/leases.coordination.k8s.io': '0' });
});
