/** What the tables of admission are about. */
import { PolicyIndex } from '../../../../src/apiserver/authz/policy.ts';
import type { AdmissionRequest } from '../../../../src/apiserver/admission/index.ts';
import type { Surroundings } from '../../../../src/apiserver/admission/match.ts';
import type { KubeObject } from '../../../../src/apiserver/object.ts';
import { builtinResources } from '../../../../src/apiserver/builtin/index.ts';
import type { Resource } from '../../../../src/apiserver/resource.ts';

export const builtin = (plural: string): Resource => {
  const found = builtinResources().find((one) => one.plural === plural);
  if (!found) throw new Error(`no built-in ${plural}`);
  return found;
};

export const newEvents = builtinResources().find(({ group }) => group === 'events.k8s.io') as Resource;

/** A custom resource with two versions. */
export const machines = (version: string): Resource => ({
  ...builtin('configmaps'),
  group: 'purlin.dev',
  version,
  apiVersion: `purlin.dev/${version}`,
  kind: 'Machine',
  plural: 'machines',
  custom: true,
});

export const machine = (
  name: string,
  fields: object = {},
  labels: Record<string, string> = {},
): KubeObject => ({
  apiVersion: 'purlin.dev/v1',
  kind: 'Machine',
  metadata: { name, namespace: 'tenant', labels },
  ...fields,
});

export const request = (more: Partial<AdmissionRequest> = {}): AdmissionRequest => ({
  operation: 'CREATE',
  resource: machines('v1'),
  subresource: undefined,
  namespace: 'tenant',
  name: 'web',
  object: machine('web'),
  old: undefined,
  writer: {
    user: { name: 'jane', groups: ['system:authenticated'] },
    warnings: [],
    annotations: {},
    gone: new AbortController().signal,
  },
  dryRun: false,
  options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
  ...more,
});

export const around: Surroundings = {
  namespace: (name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { team: name } } }),
  formsOf: ({ plural }) =>
    plural === 'machines'
      ? [machines('v1'), machines('v2')]
      : builtinResources().filter((one) => one.plural === plural),
};

export const nobody = new PolicyIndex();
