import type { Step } from '../../scenario.ts';
import { get, mergePatch, post, remove } from '../../scenario.ts';
import { gadget } from '../objects.ts';
import { HERE, REGISTRATION, rule, until } from './shared.ts';

const VALIDATING = `${REGISTRATION}/validatingwebhookconfigurations`;
const MUTATING = `${REGISTRATION}/mutatingwebhookconfigurations`;

const webhooks = (kind: 'Validating' | 'Mutating', name: string, ...more: object[]): object => ({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: `${kind}WebhookConfiguration`,
  metadata: { name },
  webhooks: more.map((one) => ({
    name: 'a.hook.example.com',
    clientConfig: { url: 'https://127.0.0.1:9/nobody' },
    rules: [rule(['gadgets'])],
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    namespaceSelector: HERE,
    ...one,
  })),
});

export const callingWebhooks: Step[] = [
  post('webhook', VALIDATING, webhooks('Validating', '{ns}', {})),
  get('webhook as stored', `${VALIDATING}/{ns}`, { view: ({ webhooks }: { webhooks: unknown }) => webhooks }),
  until('nobody there', gadget('x'), 500),
  mergePatch('ignored', `${VALIDATING}/{ns}`, {
    webhooks: [
      {
        name: 'a.hook.example.com',
        failurePolicy: 'Ignore',
        clientConfig: { url: 'https://127.0.0.1:9/nobody' },
        rules: [rule(['gadgets'])],
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
        namespaceSelector: HERE,
      },
    ],
  }),
  until('let in', gadget('x'), 201),
  remove('webhook gone', `${VALIDATING}/{ns}`),
  post('mutating webhook', MUTATING, webhooks('Mutating', '{ns}', { timeoutSeconds: 3 })),
  until('nobody there either', gadget('x'), 500),
  remove('mutating webhook gone', `${MUTATING}/{ns}`),
  until('let in again', gadget('x'), 201),
  post(
    'bad webhook',
    VALIDATING,
    webhooks('Validating', '{ns}', {
      name: 'short',
      sideEffects: undefined,
      timeoutSeconds: 31,
      admissionReviewVersions: [],
    }),
  ),
  post('webhook of nothing', MUTATING, {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: '{ns}' },
    webhooks: [{}],
  }),
  post('webhook without place', VALIDATING, webhooks('Validating', '{ns}', { clientConfig: {} })),
  post(
    'webhook over http',
    VALIDATING,
    webhooks('Validating', '{ns}', { clientConfig: { url: 'http://u@h/p?q#f' } }),
  ),
  post('webhook twice', VALIDATING, webhooks('Validating', '{ns}', {}, {})),
  post(
    'webhook with side effects',
    MUTATING,
    webhooks('Mutating', '{ns}', { sideEffects: 'Some', reinvocationPolicy: 'Often' }),
  ),
  post(
    'webhook with bad condition',
    MUTATING,
    webhooks('Mutating', '{ns}', {
      matchConditions: [
        { name: 'a', expression: 'object.x' },
        { name: 'a', expression: 'params == null' },
      ],
    }),
  ),
];
