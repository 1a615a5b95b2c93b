import type { Scenario, Step } from '../scenario.ts';
import { get } from '../scenario.ts';

interface Named {
  name?: string;
  metadata?: { name: string };
}

const byName =
  (field: string, ...names: string[]) =>
  (body: Record<string, Named[]>): unknown =>
    (body[field] ?? [])
      .filter(({ name, metadata }) => names.includes(name ?? metadata?.name ?? ''))
      .sort((a, b) => ((a.name ?? '') < (b.name ?? '') ? -1 : 1));

const aggregated = (version: string) => ({
  headers: { accept: `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList` },
});

const CORE = ['configmaps', 'namespaces', 'namespaces/finalize', 'namespaces/status', 'secrets'];

export const discovery: Scenario = {
  name: 'discovery',
  covers: 'version, aggregated and legacy discovery, paths that are not there',
  steps: [
    get('version', '/version', { view: (body: object) => Object.keys(body).sort() }),
    get('core versions', '/api', {
      view: ({ kind, versions }: Record<string, unknown>) => ({ kind, versions }),
    }),
    get('core resources', '/api/v1', { view: byName('resources', ...CORE) }),
    get('groups', '/apis', { view: byName('groups', 'diff.example.com', 'apiextensions.k8s.io') }),
    get('one group', '/apis/diff.example.com'),
    get('resources of a group', '/apis/diff.example.com/v1'),
    get('resources of its other version', '/apis/diff.example.com/v1beta1'),
    get('aggregated', '/apis', { ...aggregated('v2'), view: byName('items', 'diff.example.com') }),
    get('aggregated beta', '/apis', { ...aggregated('v2beta1'), view: byName('items', 'diff.example.com') }),
    get('aggregated or legacy', '/apis', {
      headers: { accept: `${aggregated('v2').headers.accept},application/json` },
      view: byName('items', 'diff.example.com'),
    }),
    get('no such path', '/nowhere'),
    get('no such group', '/apis/nowhere.example.com'),
    get('no such version', '/apis/diff.example.com/v9'),
    get('no such resource', '/apis/diff.example.com/v1/namespaces/{ns}/nothings'),
    get('no such object of no such resource', '/apis/diff.example.com/v1/namespaces/{ns}/nothings/one'),
    get('no such core resource', '/api/v1/namespaces/{ns}/nothings'),
    get('no such subresource', '/apis/diff.example.com/v1/namespaces/{ns}/gadgets/one/nothing'),
    get('acceptable is nothing', '/apis/diff.example.com/v1', { headers: { accept: 'text/html' } }),
  ],
};

const GADGET_PATH = '/apis/diff.example.com/v1/namespaces/{namespace}/gadgets/{name}';

interface OpenApi {
  paths: Record<string, Record<string, Operation> & { parameters: Parameter[] }>;
  components: { schemas: Record<string, unknown> };
}
interface Operation {
  parameters?: Parameter[];
  requestBody?: { content: object };
  responses: object;
  [field: string]: unknown;
}
interface Parameter {
  name: string;
  in: string;
}

/** What clients read of an operation; descriptions may differ. */
const operation = (document: OpenApi, path: string, method: string): unknown => {
  const {
    parameters = [],
    requestBody,
    responses,
    ...rest
  } = document.paths[path]?.[method] ?? { responses: {} };
  return {
    action: rest['x-kubernetes-action'],
    kind: rest['x-kubernetes-group-version-kind'],
    operationId: rest['operationId'],
    parameters: parameters.map(({ name, in: where }) => `${where} ${name}`).sort(),
    body: Object.keys(requestBody?.content ?? {}).sort(),
    responses: Object.keys(responses).sort(),
  };
};

function withoutProse(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutProse);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).filter(
    ([key, item]) => key !== 'description' || typeof item !== 'string',
  );
  return Object.fromEntries(fields.map(([key, item]) => [key, withoutProse(item)]));
}

/** A genuine server publishes a document a moment after it serves the kind, and the whole of one version later still. */
const v3: Step = get('v3 of a group', '/openapi/v3/apis/diff.example.com/v1', {
  until: ({ status, body }) => status === 200 && JSON.stringify(body).includes(`${GADGET_PATH}/scale`),
  view: (document: OpenApi) => ({
    paths: Object.keys(document.paths).sort(),
    operations: ['get', 'put', 'patch', 'delete'].map((method) => operation(document, GADGET_PATH, method)),
    create: operation(document, GADGET_PATH.replace('/{name}', ''), 'post'),
    list: operation(document, GADGET_PATH.replace('/{name}', ''), 'get'),
    schema: withoutProse(document.components.schemas['com.example.diff.v1.Gadget']),
  }),
});

export const openApi: Scenario = {
  name: 'openapi',
  covers: '/openapi/v3 with hashes, /openapi/v2 as protobuf',
  steps: [
    get('v3 index', '/openapi/v3', {
      until: ({ body }) => JSON.stringify(body).includes('apis/diff.example.com/v1'),
      view: ({ paths }: { paths: Record<string, { serverRelativeURL: string }> }) =>
        paths['apis/diff.example.com/v1']?.serverRelativeURL.replace(/=.*/, '=<hash>'),
    }),
    v3,
    get('v3 of nothing', '/openapi/v3/apis/nowhere.example.com/v1'),
    get('v2 as protobuf', '/openapi/v2', {
      headers: { accept: 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf' },
      view: (body: string) => body.length > 1000,
    }),
  ],
};
