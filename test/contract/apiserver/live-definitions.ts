/** Kinds that a test invents, on a server that has no others than the built-in ones. */
import { afterAll, beforeAll, expect, jest } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expecting } from './expecting.ts';
import { startTestServer } from './harness.ts';
import type { TestServer } from './harness.ts';

export const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
export const merge = { 'content-type': 'application/merge-patch+json' };

interface Definition {
  group?: string;
  plural: string;
  kind: string;
  names?: object;
  scope?: string;
  versions?: object[];
  spec?: object;
}

export const crd = ({
  group = 'live.example.com',
  plural,
  kind,
  names = {},
  scope,
  versions,
  spec,
}: Definition) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${plural}.${group}` },
  spec: {
    group,
    scope: scope ?? 'Namespaced',
    names: { plural, kind, ...names },
    versions: versions ?? [version('v1', { size: { type: 'integer' } })],
    ...spec,
  },
});

export const version = (name: string, properties: object, more: object = {}) => ({
  name,
  served: true,
  storage: true,
  schema: {
    openAPIV3Schema: {
      type: 'object',
      description: 'Something that a user invented.',
      properties: {
        spec: { type: 'object', description: 'What is wanted.', properties },
        status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      },
    },
  },
  ...more,
});

export const object = (
  kind: string,
  name: string,
  spec: object = {},
  apiVersion = 'live.example.com/v1',
  metadata = {},
) => ({
  apiVersion,
  kind,
  metadata: { name, ...metadata },
  spec,
});

export const path = (plural: string, name = '', version_ = 'v1') =>
  `/apis/live.example.com/${version_}/namespaces/default/${plural}${name && `/${name}`}`;

/** A server for the tests of one file, with kubectl. Each call of that is a process, and the machine may be busy. */
export function servedDefinitions() {
  let server: TestServer;
  let noCrds: string;
  jest.setTimeout(120_000);
  beforeAll(async () => {
    noCrds = await mkdtemp(join(tmpdir(), 'purlin-no-crds-'));
    server = await startTestServer(noCrds);
  });
  afterAll(async () => {
    await server.stop();
    await rm(noCrds, { recursive: true });
  });
  const api = () => server;
  const tryToApply = (manifest: object | string, ...args: string[]) => {
    const text = typeof manifest === 'string' ? manifest : JSON.stringify(manifest);
    return server.kubectlWith(text, 'apply', '-f', '-', ...args);
  };
  const apply = async (manifest: object | string, ...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await tryToApply(manifest, ...args);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    return stdout;
  };
  /** The metadata of an object, as the server has it now. */
  const metadataOf = async (of: string): Promise<Record<string, string>> =>
    (await server.call('GET', of)).body['metadata'] as unknown as Record<string, string>;
  return { api, ok: expecting(api).ok, apply, tryToApply, metadataOf };
}
