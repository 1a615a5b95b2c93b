import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isSecret, redacted, redactedStatus, redactedUri } from '../../../../src/apiserver/audit/redact.ts';
import { invalid } from '../../../../src/apiserver/errors.ts';

const HIDDEN = 'hunter2';
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' }, data: { a: HIDDEN } };
const machine = { kind: 'Machine', spec: { cpus: 1, userData: { inline: HIDDEN } } };

test.each([
  ['a Secret', secret],
  ['a Secret in another object', { kind: 'List', items: [{ template: secret }] }],
  ['stringData without a kind', { stringData: { a: HIDDEN } }],
  ['user data', machine],
  ['user data in a merge patch', { spec: { userData: { inline: HIDDEN } } }],
  ['user data in a list', { kind: 'MachineList', items: [machine] }],
  ['user data in a JSON patch', [{ op: 'replace', path: '/spec/userData/inline', value: HIDDEN }]],
  ['user data deep in a JSON patch', [{ op: 'add', path: '/spec', value: machine.spec }]],
  ['what kubectl applied last', { metadata: { annotations: { [LAST_APPLIED]: JSON.stringify(secret) } } }],
  [
    'what kubectl applied last in a JSON patch',
    [{ op: 'add', path: `/metadata/annotations/${LAST_APPLIED.replace('/', '~1')}`, value: HIDDEN }],
  ],
  ['a token being made', { kind: 'TokenRequest', status: { token: HIDDEN } }],
  ['a token being examined', { kind: 'TokenReview', spec: { token: HIDDEN } }],
])('%s is hidden', (_, body) => {
  expect(JSON.stringify(body)).toContain(HIDDEN);
  expect(JSON.stringify(redacted(body))).not.toContain(HIDDEN);
});

test('everything else stays as it is', () => {
  const harmless = { kind: 'ConfigMap', data: { a: 'b' }, list: [1, { op: 'add', value: 2 }], none: null };
  expect(redacted(harmless)).toEqual(harmless);
  expect(redacted({ metadata: { managedFields: [1], name: 'x' } }, new Set(['managedFields']))).toEqual({
    metadata: { name: 'x' },
  });
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(redacted({ value })).toEqual({ value });
    }),
  );
});

const of = (resource: string, group = '', subresource?: string) => ({
  verb: 'create',
  group,
  resource,
  ...(subresource && { subresource }),
});

test.each([
  [of('secrets'), true],
  [of('serviceaccounts', '', 'token'), true],
  [of('serviceaccounts'), false],
  [of('tokenreviews', 'authentication.k8s.io'), true],
  [of('secrets', 'example.org'), false],
  [{ verb: 'get', path: '/api/v1/secrets' }, false],
])('%j: nothing of the body: %s', (wanted, secretive) => {
  expect(isSecret(wanted)).toBe(secretive);
});

test('a refusal that may quote a secret tells only its reason', () => {
  const fault = (field: string) =>
    invalid('', 'X', 'x', [
      { reason: 'FieldValueInvalid', field, message: `Invalid value: "${HIDDEN}"` },
    ]).toStatus();
  for (const status of [
    redactedStatus(fault('data'), of('secrets')),
    redactedStatus(fault('spec.userData.inline'), of('machines', 'purlin.dev')),
  ]) {
    expect(JSON.stringify(status)).not.toContain(HIDDEN);
    expect(status).toMatchObject({ code: 422, reason: 'Invalid' });
  }
  expect(redactedStatus(fault('spec.cpus'), of('machines', 'purlin.dev'))).toMatchObject({
    message: `X "x" is invalid: spec.cpus: Invalid value: "${HIDDEN}"`,
  });
});

test('tokens in the query are hidden', () => {
  const query = new URLSearchParams(`limit=5&access_token=${HIDDEN}&continue=abc&password=${HIDDEN}`);
  const uri = redactedUri('/api', query);
  expect(uri).not.toContain(HIDDEN);
  expect(uri).toMatch(/^\/api\?limit=5&access_token=.*&continue=abc/);
  expect(redactedUri('/api', new URLSearchParams())).toBe('/api');
});
