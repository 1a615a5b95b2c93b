import { describe, expect, test } from '@jest/globals';
import { leaseRules } from '../../../../src/apiserver/builtin/rules.ts';
import { typedSecretErrors } from '../../../../src/apiserver/builtin/secret-types.ts';
import type { KubeObject } from '../../../../src/apiserver/object.ts';

const faultsOf = (errors: readonly { field: string; message: string }[] = []): string[] =>
  errors.map(({ field, message }) => `${field}: ${message}`);
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const secret = (type: string, data: Record<string, string>, annotations = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 's', annotations },
  type,
  data,
});

describe('a Secret of a well-known type', () => {
  test.each<[string, KubeObject, string[]]>([
    ['none', secret('Opaque', {}), []],
    ['of somebody else', secret('example.com/own', {}), []],
    ['a user without a password', secret('kubernetes.io/basic-auth', { username: '' }), []],
    [
      'neither user nor password',
      secret('kubernetes.io/basic-auth', { name: 'x' }),
      ['data[username]: Required value', 'data[password]: Required value'],
    ],
    [
      'an empty key',
      secret('kubernetes.io/ssh-auth', { 'ssh-privatekey': '' }),
      ['data[ssh-privatekey]: Required value'],
    ],
    [
      'half a pair',
      secret('kubernetes.io/tls', { 'tls.crt': base64('x') }),
      ['data[tls.key]: Required value'],
    ],
    [
      'a configuration',
      secret('kubernetes.io/dockerconfigjson', { '.dockerconfigjson': base64('{"auths":{}}') }),
      [],
    ],
    [
      'what is no JSON, and stays secret',
      secret('kubernetes.io/dockerconfigjson', { '.dockerconfigjson': base64('hush') }),
      ['data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": must be a JSON object'],
    ],
    ['no configuration', secret('kubernetes.io/dockercfg', {}), ['data[.dockercfg]: Required value']],
    [
      'the token of nobody',
      secret('kubernetes.io/service-account-token', {}),
      ['metadata.annotations[kubernetes.io/service-account.name]: Required value'],
    ],
  ])('%s', (_, given, wanted) => {
    expect(faultsOf(typedSecretErrors(given))).toEqual(wanted);
  });
});

test.each<[string, KubeObject['spec'], string[]]>([
  ['an empty one', {}, []],
  ['a usual one', { holderIdentity: 'a', leaseDurationSeconds: 15, leaseTransitions: 0 }, []],
  [
    'one of no time',
    { leaseDurationSeconds: 0, leaseTransitions: -1 },
    [
      'spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0',
      'spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0',
    ],
  ],
  [
    'a preference without a strategy',
    { preferredHolder: 'b' },
    ['spec.preferredHolder: Forbidden: may only be specified if `strategy` is defined'],
  ],
])('a Lease: %s', (_, spec, wanted) => {
  const lease: KubeObject = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: {},
    spec: spec ?? {},
  };
  expect(faultsOf(leaseRules.validate?.(lease, undefined))).toEqual(wanted);
});
