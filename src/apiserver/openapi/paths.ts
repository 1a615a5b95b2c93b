/** The operations of the OpenAPI documents, by which clients learn what they may send. */
import { SCALE } from '../crd/scale.ts';
import { ALL_VERBS } from '../resource.ts';
import type { Resource } from '../resource.ts';
import type { Schema } from '../schema/schema.ts';
import { patchTypes } from '../write/patch.ts';
import { DELETE_OPTIONS, SCALE_SCHEMA, STATUS, gvkOf, ref, schemaName } from './schemas.ts';
import type { OperationV2 } from './v2.ts';

type Document = Record<string, unknown>;

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
const PATCH_PARAMETERS = [
  ...WRITE_PARAMETERS,
  queryParameter('force', 'Takes over fields that other managers apply.', 'boolean'),
];
const READ_PARAMETERS = [
  queryParameter('resourceVersion', 'Constrains what versions a request may be served from.'),
];
const DELETE_PARAMETERS = [
  queryParameter('dryRun', 'All: process the request without persisting.'),
  queryParameter('gracePeriodSeconds', 'Ignored: deletion is immediate.', 'integer'),
  queryParameter('orphanDependents', 'Deprecated: use propagationPolicy.', 'boolean'),
  queryParameter('propagationPolicy', 'What becomes of dependents: Orphan, Background or Foreground.'),
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

export function pathsOf(resource: Resource): Record<string, Document> {
  const { plural, namespaced, statusSubresource } = resource;
  const root = rootPath(resource);
  const base = collectionPath(resource);
  const scope = namespaced ? [pathParameter('namespace', 'object name and auth scope')] : [];
  const id = idOf(resource, namespaced ? 'Namespaced' : '');
  const named = [pathParameter('name', `name of the ${resource.kind}`), ...scope];
  return {
    ...(namespaced && {
      [`${root}/${plural}`]: operations(resource, ['list'], [], `${idOf(resource)}ForAllNamespaces`),
    }),
    [base]: operations(resource, ['list', 'create', 'deletecollection'], scope, id),
    [`${base}/{name}`]: operations(resource, ['get', 'update', 'patch', 'delete'], named, id),
    ...(statusSubresource && {
      [`${base}/{name}/status`]: operations(resource, ['get', 'update', 'patch'], named, `${id}Status`),
    }),
    ...(resource.scale && {
      [`${base}/{name}/scale`]: operations(SCALES, ['get', 'update', 'patch'], named, `${id}Scale`),
    }),
  };
}

/** `apps`, `v1`, `Deployment` → `AppsV1NamespacedDeployment`: what operations are called, behind their verb. */
function idOf({ group, version, kind }: Resource, scope = ''): string {
  const words = [...(group || 'core').replace(/\.k8s\.io$/, '').split('.'), version];
  return [...words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)), scope, kind].join('');
}

/** What the operations of `/scale` are about, whatever resource they belong to. */
const SCALES: Described = { ...SCALE, listKind: 'ScaleList', custom: true, verbs: ALL_VERBS };

/** As much of a resource as its operations tell. */
type Described = Pick<Resource, 'group' | 'version' | 'kind' | 'listKind' | 'custom' | 'verbs'>;

const METHODS = {
  get: 'get',
  list: 'get',
  create: 'post',
  update: 'put',
  patch: 'patch',
  delete: 'delete',
  deletecollection: 'delete',
} as const;

const ID_VERBS: Record<keyof typeof METHODS, string> = {
  get: 'read',
  list: 'list',
  create: 'create',
  update: 'replace',
  patch: 'patch',
  delete: 'delete',
  deletecollection: 'deleteCollection',
};

const PARAMETERS: Record<keyof typeof METHODS, readonly object[]> = {
  get: READ_PARAMETERS,
  list: LIST_PARAMETERS,
  create: WRITE_PARAMETERS,
  update: WRITE_PARAMETERS,
  patch: PATCH_PARAMETERS,
  delete: DELETE_PARAMETERS,
  deletecollection: [...DELETE_PARAMETERS, ...LIST_PARAMETERS],
};

const ANSWERS: Partial<Record<keyof typeof METHODS, readonly [code: number, description: string][]>> = {
  create: [
    [201, 'Created'],
    [202, 'Accepted'],
  ],
  update: [[201, 'Created']],
  delete: [[202, 'Accepted']],
};

/** The action names that clients look for in `x-kubernetes-action`. */
const ACTIONS: Partial<Record<keyof typeof METHODS, string>> = { create: 'post', update: 'put' };

function operations(
  resource: Described,
  verbs: (keyof typeof METHODS)[],
  parameters: object[],
  id: string,
): Document {
  const served = verbs.filter((verb) => resource.verbs.includes(verb));
  return {
    ...(parameters.length > 0 && { parameters }),
    ...Object.fromEntries(served.map((verb) => [METHODS[verb], operation(resource, verb, id)])),
  };
}

function operation(resource: Described, verb: keyof typeof METHODS, id: string): Document {
  const { kind, listKind } = resource;
  const object = ref(kind === SCALE.kind ? SCALE_SCHEMA : schemaName(resource, kind));
  const result =
    verb === 'list' ? ref(schemaName(resource, listKind)) : verb.startsWith('delete') ? ref(STATUS) : object;
  const content = (types: string[], schema: Schema) => ({
    content: Object.fromEntries(types.map((type) => [type, { schema }])),
  });
  const body =
    verb === 'patch'
      ? content(patchTypes(resource), { type: 'object' })
      : content(
          ['application/json', 'application/yaml'],
          verb.startsWith('delete') ? ref(DELETE_OPTIONS) : object,
        );
  return {
    description: `${verb} ${kind}`,
    operationId: `${ID_VERBS[verb]}${id}`,
    parameters: PARAMETERS[verb],
    ...(verb !== 'get' && verb !== 'list' && { requestBody: body }),
    responses: {
      ...Object.fromEntries(
        [[200, 'OK'] as const, ...(ANSWERS[verb] ?? [])].map(([code, description]) => [
          code,
          { description, ...content(['application/json'], result) },
        ]),
      ),
      401: { description: 'Unauthorized' },
    },
    'x-kubernetes-action': ACTIONS[verb] ?? verb,
    'x-kubernetes-group-version-kind': gvkOf(resource, kind),
  };
}

/** The operations by which clients tell whether `dryRun` and `fieldValidation` are understood. */
export function operationsV2(resource: Resource): OperationV2[] {
  const methods = { post: 'create', put: 'update', patch: 'patch' } as const;
  return (['post', 'put', 'patch'] as const)
    .filter((method) => resource.verbs.includes(methods[method]))
    .map((method) => ({
      path: method === 'post' ? collectionPath(resource) : `${collectionPath(resource)}/{name}`,
      method,
      action: method,
      gvk: gvkOf(resource, resource.kind),
      consumes: method === 'patch' ? patchTypes(resource) : ['application/json', 'application/yaml'],
      queryParameters: method === 'patch' ? PATCH_PARAMETERS : WRITE_PARAMETERS,
    }));
}
