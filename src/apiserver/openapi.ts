/** OpenAPI documents, generated from the registry: v3 per group-version behind an index with hashes, and v2. */
import { createHash } from 'node:crypto';
import { objectMeta } from './builtin/schemas.ts';
import { isObject } from './object.ts';
import { encodeDocument } from './openapi-v2.ts';
import type { OperationV2 } from './openapi-v2.ts';
import type { Resource } from './resource.ts';
import type { Registry } from './registry.ts';
import type { Schema } from './schema/schema.ts';
import { patchTypes } from './write/patch.ts';

const OBJECT_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const LIST_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta';
const DELETE_OPTIONS = 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions';
const STATUS = 'io.k8s.apimachinery.pkg.apis.meta.v1.Status';
const INFO = { title: 'Kubernetes', version: 'unversioned' };

type Document = Record<string, unknown>;

/** Documents are made on demand; only their hashes are kept. */
export class OpenApi {
  readonly #registry: Registry;
  #index: { etag: string; body: string } | undefined;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** `/openapi/v3`: where each document is; the hash in its URL makes it cacheable for ever. */
  index(): string {
    const etag = this.#registry.etag();
    if (this.#index?.etag !== etag) {
      const paths: Record<string, { serverRelativeURL: string }> = {};
      for (const [group, versions] of this.#registry.groups()) {
        for (const version of versions) {
          const path = group ? `apis/${group}/${version}` : `api/${version}`;
          const hash = createHash('sha256')
            .update(this.document(path) ?? '')
            .digest('hex')
            .toUpperCase();
          paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` };
        }
      }
      this.#index = { etag, body: JSON.stringify({ paths }) };
    }
    return this.#index.body;
  }

  /** One v3 document (`apis/<group>/<version>` or `api/v1`); undefined if there is none. */
  document(path: string): string | undefined {
    const match = /^(?:apis\/([^/]+)|api)\/([^/]+)$/.exec(path);
    if (!match) return undefined;
    const resources = this.#registry.of(match[1] ?? '', match[2] ?? '');
    if (resources.length === 0) return undefined;
    return JSON.stringify({
      openapi: '3.0.0',
      info: INFO,
      paths: Object.assign({}, ...resources.map(pathsOf)) as Document,
      components: {
        schemas: { ...sharedSchemas(resources), ...Object.assign({}, ...resources.map(schemasOf)) },
      },
    });
  }

  /** The single v2 document, in its protobuf form. */
  v2(): Buffer {
    const resources = this.#registry.all();
    const definitions = {
      ...sharedSchemas(resources),
      ...(Object.assign({}, ...resources.map(schemasOf)) as object),
    };
    return encodeDocument({ info: INFO, definitions, operations: resources.flatMap(operationsV2) });
  }
}

/** `purlin.dev`, `v1alpha1`, `Machine` → `dev.purlin.v1alpha1.Machine`, as a real API server names them. */
export function schemaName({ group, version, custom }: Resource, kind: string): string {
  if (custom) return [...group.split('.').reverse(), version, kind].join('.');
  return `io.k8s.api.${group ? group.split('.')[0] : 'core'}.${version}.${kind}`;
}

const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });

const gvkOf = ({ group, version }: Resource, kind: string) => ({ group, version, kind });

function schemasOf(resource: Resource): Record<string, Schema> {
  const { kind, listKind, schema } = resource;
  const name = schemaName(resource, kind);
  const properties = {
    ...schema.properties,
    apiVersion: schema.properties?.['apiVersion'] ?? typeMeta.apiVersion,
    kind: schema.properties?.['kind'] ?? typeMeta.kind,
    metadata: ref(OBJECT_META),
  };
  return {
    [name]: {
      ...published({ ...schema, properties }),
      type: 'object',
      'x-kubernetes-group-version-kind': [gvkOf(resource, kind)],
    },
    [schemaName(resource, listKind)]: {
      type: 'object',
      description: `${listKind} is a list of ${kind}`,
      required: ['items'],
      properties: {
        ...typeMeta,
        metadata: ref(LIST_META),
        items: { type: 'array', description: `List of ${resource.plural}.`, items: ref(name) },
      },
      'x-kubernetes-group-version-kind': [gvkOf(resource, listKind)],
    },
  };
}

/** Without what OpenAPI clients have no use for. */
function published(schema: Schema): Schema {
  const { 'x-kubernetes-validations': _, ...rest } = schema;
  return {
    ...rest,
    ...(rest.properties && {
      properties: Object.fromEntries(
        Object.entries(rest.properties).map(([name, sub]) => [name, published(sub)]),
      ),
    }),
    ...(rest.items && { items: published(rest.items) }),
    ...(isObject(rest.additionalProperties) && {
      additionalProperties: published(rest.additionalProperties as Schema),
    }),
  };
}

const typeMeta: Record<'apiVersion' | 'kind', Schema> = {
  apiVersion: {
    type: 'string',
    description: 'APIVersion defines the versioned schema of this representation of an object.',
  },
  kind: {
    type: 'string',
    description: 'Kind is a string value representing the REST resource this object represents.',
  },
};

function sharedSchemas(resources: readonly Resource[]): Record<string, Schema> {
  const gvks = [
    ...new Map(resources.map((r) => [r.apiVersion, { group: r.group, version: r.version }])).values(),
  ];
  return {
    [OBJECT_META]: objectMeta,
    [LIST_META]: {
      type: 'object',
      description: 'ListMeta describes metadata that synthetic resources must have.',
      properties: {
        continue: {
          type: 'string',
          description: 'Set if the user set a limit on the number of items returned.',
        },
        remainingItemCount: {
          type: 'integer',
          format: 'int64',
          description: 'The number of subsequent items.',
        },
        resourceVersion: { type: 'string', description: "The server's internal version of this list." },
      },
    },
    [DELETE_OPTIONS]: {
      type: 'object',
      description: 'DeleteOptions may be provided when deleting an API object.',
      properties: {
        ...typeMeta,
        dryRun: {
          type: 'array',
          items: { type: 'string' },
          description: 'All: process the request without persisting.',
        },
        gracePeriodSeconds: {
          type: 'integer',
          format: 'int64',
          description: 'Ignored: deletion is immediate.',
        },
        preconditions: {
          type: 'object',
          description: 'Must be fulfilled before a deletion is carried out.',
          properties: {
            resourceVersion: { type: 'string', description: 'Specifies the target ResourceVersion.' },
            uid: { type: 'string', description: 'Specifies the target UID.' },
          },
        },
        propagationPolicy: { type: 'string', description: 'Orphan, Background or Foreground.' },
      },
      'x-kubernetes-group-version-kind': gvks.map((gv) => ({ ...gv, kind: 'DeleteOptions' })),
    },
    [STATUS]: {
      type: 'object',
      description: "Status is a return value for calls that don't return other objects.",
      properties: {
        ...typeMeta,
        metadata: ref(LIST_META),
        status: { type: 'string', description: 'Success or Failure.' },
        message: {
          type: 'string',
          description: 'A human-readable description of the status of this operation.',
        },
        reason: {
          type: 'string',
          description: 'A machine-readable description of why this operation failed.',
        },
        code: {
          type: 'integer',
          format: 'int32',
          description: 'Suggested HTTP return code for this status.',
        },
        details: { type: 'object', description: 'Extended data associated with the reason.' },
      },
    },
  };
}

// Paths ------------------------------------------------------------------------------------------------

const queryParameter = (name: string, description: string, type = 'string') => ({
  name,
  in: 'query',
  description,
  schema: { type, uniqueItems: true },
});

const pathParameter = (name: string, description: string) => ({
  name,
  in: 'path',
  required: true,
  description,
  schema: { type: 'string', uniqueItems: true },
});

const WRITE_PARAMETERS = [
  queryParameter('dryRun', 'All: process the request without persisting.'),
  queryParameter('fieldManager', 'The name of the actor that makes these changes.'),
  queryParameter('fieldValidation', 'What to do with unknown or duplicate fields: Ignore, Warn or Strict.'),
];
const LIST_PARAMETERS = [
  queryParameter('labelSelector', 'Restricts the list by labels.'),
  queryParameter('fieldSelector', 'Restricts the list by fields.'),
  queryParameter('limit', 'The maximum number of responses to return.', 'integer'),
  queryParameter('continue', 'Continues a limited list.'),
  queryParameter('resourceVersion', 'Constrains what versions a request may be served from.'),
  queryParameter('resourceVersionMatch', 'How resourceVersion is applied.'),
  queryParameter('watch', 'Watch for changes instead of listing.', 'boolean'),
  queryParameter('allowWatchBookmarks', 'Requests BOOKMARK events.', 'boolean'),
  queryParameter('sendInitialEvents', 'Begins a watch with the present state.', 'boolean'),
  queryParameter('timeoutSeconds', 'Limits the duration of a watch.', 'integer'),
];

const rootPath = ({ group, apiVersion }: Resource): string => `/${group ? 'apis' : 'api'}/${apiVersion}`;

const collectionPath = (resource: Resource): string =>
  `${rootPath(resource)}/${resource.namespaced ? 'namespaces/{namespace}/' : ''}${resource.plural}`;

function pathsOf(resource: Resource): Record<string, Document> {
  const { plural, namespaced, statusSubresource } = resource;
  const root = rootPath(resource);
  const base = collectionPath(resource);
  const scope = namespaced ? [pathParameter('namespace', 'object name and auth scope')] : [];
  const named = [pathParameter('name', `name of the ${resource.kind}`), ...scope];
  return {
    ...(namespaced && { [`${root}/${plural}`]: operations(resource, ['list'], []) }),
    [base]: operations(resource, ['list', 'create', 'deletecollection'], scope),
    [`${base}/{name}`]: operations(resource, ['get', 'update', 'patch', 'delete'], named),
    ...(statusSubresource && {
      [`${base}/{name}/status`]: operations(resource, ['get', 'update', 'patch'], named),
    }),
  };
}

const METHODS = {
  get: 'get',
  list: 'get',
  create: 'post',
  update: 'put',
  patch: 'patch',
  delete: 'delete',
  deletecollection: 'delete',
} as const;

/** The action names that clients look for in `x-kubernetes-action`. */
const ACTIONS: Partial<Record<keyof typeof METHODS, string>> = { create: 'post', update: 'put' };

function operations(resource: Resource, verbs: (keyof typeof METHODS)[], parameters: object[]): Document {
  const served = verbs.filter((verb) => resource.verbs.includes(verb));
  return {
    ...(parameters.length > 0 && { parameters }),
    ...Object.fromEntries(served.map((verb) => [METHODS[verb], operation(resource, verb)])),
  };
}

function operation(resource: Resource, verb: keyof typeof METHODS): Document {
  const { kind, listKind } = resource;
  const object = ref(schemaName(resource, kind));
  const result =
    verb === 'list' ? ref(schemaName(resource, listKind)) : verb.startsWith('delete') ? ref(STATUS) : object;
  const content = (types: string[], schema: Schema) => ({
    content: Object.fromEntries(types.map((type) => [type, { schema }])),
  });
  const writes = verb === 'create' || verb === 'update' || verb === 'patch';
  const body =
    verb === 'patch'
      ? content(patchTypes(resource), { type: 'object' })
      : content(
          ['application/json', 'application/yaml'],
          verb.startsWith('delete') ? ref(DELETE_OPTIONS) : object,
        );
  return {
    description: `${verb} ${kind}`,
    ...(writes && { parameters: WRITE_PARAMETERS }),
    ...((verb === 'list' || verb === 'deletecollection') && { parameters: LIST_PARAMETERS }),
    ...(verb !== 'get' && verb !== 'list' && { requestBody: body }),
    responses: { 200: { description: 'OK', ...content(['application/json'], result) } },
    'x-kubernetes-action': ACTIONS[verb] ?? verb,
    'x-kubernetes-group-version-kind': gvkOf(resource, kind),
  };
}

/** The operations by which clients tell whether `dryRun` and `fieldValidation` are understood. */
function operationsV2(resource: Resource): OperationV2[] {
  const methods = { post: 'create', put: 'update', patch: 'patch' } as const;
  return (['post', 'put', 'patch'] as const)
    .filter((method) => resource.verbs.includes(methods[method]))
    .map((method) => ({
      path: method === 'post' ? collectionPath(resource) : `${collectionPath(resource)}/{name}`,
      method,
      action: method,
      gvk: gvkOf(resource, resource.kind),
      consumes: method === 'patch' ? patchTypes(resource) : ['application/json', 'application/yaml'],
      queryParameters: WRITE_PARAMETERS,
    }));
}
