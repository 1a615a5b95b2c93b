import { describe, expect, test } from '@jest/globals';
import { isExempt, matchedResource } from '../../../../src/apiserver/admission/match.ts';
import type { AdmissionRequest } from '../../../../src/apiserver/admission/index.ts';
import type { MatchResources, Rule } from '../../../../src/apiserver/admission/spec.ts';
import { around, builtin, machine, machines, request } from './requests.ts';

const rule = (more: Rule = {}): Rule => ({
  operations: ['*'],
  apiGroups: ['purlin.dev'],
  apiVersions: ['v1'],
  resources: ['machines'],
  ...more,
});
const matches = (match: MatchResources, more: Partial<AdmissionRequest> = {}): string | undefined =>
  matchedResource(match, request(more), around)?.apiVersion;

const yes = 'purlin.dev/v1';

test.each<[string, Rule, Partial<AdmissionRequest>, string | undefined]>([
  ['all of it', rule(), {}, yes],
  ['another group', rule({ apiGroups: [''] }), {}, undefined],
  ['any group', rule({ apiGroups: ['*'] }), {}, yes],
  ['another operation', rule({ operations: ['UPDATE', 'DELETE'] }), {}, undefined],
  ['this operation', rule({ operations: ['UPDATE', 'CREATE'] }), {}, yes],
  ['every resource', rule({ resources: ['*'] }), {}, yes],
  ['every resource, but no subresource', rule({ resources: ['*'] }), { subresource: 'status' }, undefined],
  ['a resource, but no subresource', rule(), { subresource: 'status' }, undefined],
  ['this subresource', rule({ resources: ['machines/status'] }), { subresource: 'status' }, yes],
  ['this subresource of all', rule({ resources: ['*/status'] }), { subresource: 'status' }, yes],
  ['another subresource of all', rule({ resources: ['*/scale'] }), { subresource: 'status' }, undefined],
  ['all subresources of it', rule({ resources: ['machines/*'] }), { subresource: 'status' }, yes],
  ['all subresources of it, and itself', rule({ resources: ['machines/*'] }), {}, yes],
  ['everything', rule({ resources: ['*/*'] }), { subresource: 'status' }, yes],
  ['its name', rule({ resourceNames: ['web'] }), {}, yes],
  ['another name', rule({ resourceNames: ['db'] }), {}, undefined],
  ['what is in namespaces', rule({ scope: 'Namespaced' }), {}, yes],
  ['what is in none', rule({ scope: 'Cluster' }), {}, undefined],
])('a rule for %s', (_, one, more, expected) => {
  expect(matches({ resourceRules: [one], matchPolicy: 'Exact' }, more)).toBe(expected);
});

describe('other versions', () => {
  const asked = { resource: machines('v2'), object: { ...machine('web'), apiVersion: 'purlin.dev/v2' } };
  test.each([
    ['Exact', undefined],
    ['Equivalent', 'purlin.dev/v1'],
  ])('%s', (matchPolicy, expected) => {
    expect(matches({ resourceRules: [rule()], matchPolicy }, asked)).toBe(expected);
  });
  test('the own version comes first', () => {
    expect(matches({ resourceRules: [rule({ apiVersions: ['*'] })], matchPolicy: 'Equivalent' }, asked)).toBe(
      'purlin.dev/v2',
    );
  });
  test('what is excluded in another version is excluded', () => {
    const any = rule({ apiVersions: ['*'] });
    expect(
      matches({ resourceRules: [any], excludeResourceRules: [rule()], matchPolicy: 'Equivalent' }, asked),
    ).toBeUndefined();
  });
});

describe('selectors', () => {
  const labelled = (wanted: string) => ({ matchLabels: { team: wanted } });
  test.each<[string, MatchResources, Partial<AdmissionRequest>, string | undefined]>([
    ['the namespace', { namespaceSelector: labelled('tenant') }, {}, yes],
    ['another namespace', { namespaceSelector: labelled('other') }, {}, undefined],
    ['no namespace', { namespaceSelector: labelled('other') }, { namespace: undefined }, yes],
    ['the object', { objectSelector: labelled('a') }, { object: machine('web', {}, { team: 'a' }) }, yes],
    ['no such object', { objectSelector: labelled('a') }, {}, undefined],
    [
      'the object as it was',
      { objectSelector: labelled('a') },
      { operation: 'UPDATE', old: machine('web', {}, { team: 'a' }) },
      yes,
    ],
    [
      'the object that goes',
      { objectSelector: labelled('a') },
      { operation: 'DELETE', object: undefined, old: machine('web', {}, { team: 'a' }) },
      yes,
    ],
  ])('%s', (_, match, more, expected) => {
    expect(matches(match, more)).toBe(expected);
  });

  test('a namespace is selected by the labels that it comes to have', () => {
    const object = {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'tenant', labels: { team: 'new' } },
    };
    const asked = { resource: builtin('namespaces'), object };
    expect(matches({ namespaceSelector: labelled('new') }, asked)).toBe('v1');
    expect(matches({ namespaceSelector: labelled('tenant') }, asked)).toBeUndefined();
    expect(matches({ namespaceSelector: labelled('tenant') }, { ...asked, object: undefined })).toBe('v1');
  });
});

test('the configuration of admission is exempt', () => {
  expect(isExempt({ ...machines('v1'), group: 'admissionregistration.k8s.io' })).toBe(true);
  expect(isExempt(machines('v1'))).toBe(false);
});
