/** The verbs of a resource: from method and path to the operation and back to a response. */
import { watches } from './authz/attributes.ts';
import type { ApiContext } from './context.ts';
import { withinTimeOfChange } from './deadline.ts';
import { methodNotAllowed, methodNotSupported, notFound, pathNotFound, terminating } from './errors.ts';
import { readEntry } from './codec.ts';
import { json, jsonText } from './http.ts';
import type { Call, Operation } from './call.ts';
import type { ApiRequest, ApiResponse, UserRequest } from './http.ts';
import { copyJson } from '../values/copy.ts';
import type { KubeObject } from './object.ts';
import { getEntry, groupResource } from './read/get.ts';
import { servedText } from './read/served-text.ts';
import { answerList, listOf, selectObjects } from './read/list.ts';
import { watchObjects } from './read/watch.ts';
import type { ResourceRequest } from './request-info.ts';
import { isNamespace } from './resource.ts';
import type { Resource, Verb } from './resource.ts';
import { answerReview } from './reviews/answer.ts';
import { negotiate, renderObject } from './table.ts';
import { applyObject, decodeConfiguration } from './write/apply.ts';
import { decodeBody, mediaType } from './write/body.ts';
import type { DecodedBody } from './write/body.ts';
import { createObject } from './write/create.ts';
import { decodeDeleteOptions, deleteObject } from './write/delete.ts';
import type { Deletion } from './write/delete.ts';
import { deleteObjects } from './write/delete-many.ts';
import { SCALE_OPERATIONS } from './scale-operations.ts';
import { applyOptions, writeOptions, writerOf } from './write/options.ts';
import { APPLY_PATCH, decodePatch } from './write/patch.ts';
import { updateObject } from './write/update.ts';

const OPERATIONS: Record<Verb, Operation> = {
  get: (call) => {
    const { context, target, request } = call;
    const { resource, namespace, name = '' } = target;
    const entry = getEntry(context, resource, namespace, name, request.query);
    if (call.rendering.as === 'object') return jsonText(servedText(entry, resource));
    return answer(readEntry(entry, resource), 200, call);
  },
  list: answerList,
  watch: ({ context, request, target, rendering }) =>
    watchObjects(context, request, target.resource, target.namespace, rendering),
  create: async (call) => {
    const { context, request, target } = call;
    const options = writeOptions(request, 'CreateOptions');
    const body = await decodeObject(call);
    const { review } = target.resource;
    if (review) {
      const asked = { ...options, user: request.user };
      return json(answerReview(context, review, body, target, asked), 201);
    }
    return answer(await createObject(context, target, body, options), 201, call);
  },
  update: async (call) => {
    const { context, request, target } = call;
    const options = writeOptions(request, 'UpdateOptions');
    const { object, duplicates } = await decodeObject(call);
    const change = { verb: 'update', apply: () => copyJson(object), duplicates } as const;
    return answer(await updateObject(context, target, change, options), 200, call);
  },
  patch: async (call) => {
    const { context, request, target } = call;
    const contentType = request.header('content-type');
    if (mediaType(contentType) === APPLY_PATCH) return applyPatch(call);
    const options = writeOptions(request, 'PatchOptions');
    const apply = await decodePatch(await request.body(), contentType, target.resource);
    const object = await updateObject(context, target, { verb: 'patch', apply }, options);
    return answer(object, 200, call);
  },
  delete: async (call) => {
    const { context, request, target } = call;
    const options = await decodeDeleteOptions(
      await request.body(),
      request.header('content-type'),
      request.query,
    );
    const deletion = await deleteObject(context, target, { ...options, writer: writerOf(request) });
    return deletionAnswer(deletion, call);
  },
  deletecollection: async (call) => {
    const { context, request, target } = call;
    const options = await decodeDeleteOptions(
      await request.body(),
      request.header('content-type'),
      request.query,
    );
    const selected = await selectObjects(call);
    await deleteObjects(context, target.resource, selected.items, { ...options, writer: writerOf(request) });
    return listOf(selected, call);
  },
};

async function applyPatch(call: Call): Promise<ApiResponse> {
  const { context, request, target } = call;
  const options = applyOptions(request);
  const configuration = await decodeConfiguration(await request.body());
  const { object, created } = await applyObject(context, target, configuration, options);
  return answer(object, created ? 201 : 200, call);
}

/** Clients of built-in kinds may leave out what the path says already. */
async function decodeObject({ request, target: { resource } }: Call): Promise<DecodedBody> {
  return decodeBody(
    await request.body(),
    request.header('content-type'),
    resource.custom ? undefined : resource,
  );
}

/** Answers a request for objects. Throws 404 and 405 for what the resource does not offer. */
export async function serveResource(
  request: UserRequest,
  asked: ResourceRequest,
  context: ApiContext,
): Promise<ApiResponse> {
  const target = withSubresource(asked);
  const { resource, subresource } = target;
  if (subresource !== undefined && !offers(resource, subresource)) {
    throw resource.custom ? notFound(groupResource(resource), target.name ?? '') : pathNotFound();
  }
  const verb = verbOf(request, target);
  if (!verb && resource.custom && subresource !== undefined) {
    throw methodNotSupported(groupResource(resource), request.method === 'POST' ? 'create' : 'delete');
  }
  if (!verb || !resource.verbs.includes(verb)) {
    throw verb === 'create' && resource.custom ? terminating(verb) : methodNotAllowed();
  }
  if (resource.deprecation) request.warnings.push(resource.deprecation);
  if (resource.namespaced && target.namespace === undefined && !['list', 'watch'].includes(verb)) {
    throw methodNotAllowed();
  }
  const answered = verb === 'watch' ? 'events' : 'objects';
  const rendering = negotiate(request.header('accept'), request.query, answered);
  const operation = subresource === 'scale' ? SCALE_OPERATIONS[verb] : OPERATIONS[verb];
  if (!operation) throw methodNotAllowed();
  const call = { context, request, target, rendering };
  switch (verb) {
    case 'get':
    case 'list':
    case 'watch':
    case 'deletecollection':
      return operation(call);
    case 'create':
    case 'update':
    case 'patch':
    case 'delete':
      return withinTimeOfChange(request, (timed) => operation({ ...call, request: timed }));
  }
}

/** A subresource of a kind of its own takes the place of the resource. */
function withSubresource(asked: ResourceRequest): ResourceRequest {
  const resource = asked.resource.subresources?.get(asked.subresource ?? '');
  return resource ? { ...asked, resource } : asked;
}

const offers = (resource: Resource, subresource: string): boolean =>
  resource.review !== undefined ||
  (subresource === 'status' && resource.statusSubresource) ||
  (subresource === 'scale' && resource.scale !== undefined) ||
  (subresource === 'finalize' && isNamespace(resource));

function verbOf(
  { method, query }: ApiRequest,
  { resource, name, subresource }: ResourceRequest,
): Verb | undefined {
  if (name === undefined) {
    if (method === 'GET' || method === 'HEAD') return watches(query) ? 'watch' : 'list';
    return method === 'POST' ? 'create' : method === 'DELETE' ? 'deletecollection' : undefined;
  }
  switch (method) {
    case 'GET':
    case 'HEAD':
      return 'get';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'POST':
      return subresource !== undefined && resource.review ? 'create' : undefined;
    case 'DELETE':
      return subresource === undefined ? 'delete' : undefined;
    default:
      return undefined;
  }
}

function answer(object: KubeObject, status: number, { context, target, rendering }: Call): ApiResponse {
  return json(renderObject(object, target.resource, rendering, context.now()), status);
}

function deletionAnswer(deletion: Deletion, call: Call): ApiResponse {
  if (!deletion.gone) return answer(deletion.object, 200, call);
  const { resource } = call.target;
  if (resource.showsDeleted) return answer(asItWas(deletion.last), 200, call);
  const { name, uid } = deletion.last.metadata;
  return json({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: { name, ...(resource.group && { group: resource.group }), kind: resource.plural, uid },
  });
}

/** What nothing held was never marked. */
function asItWas(last: KubeObject): KubeObject {
  const { deletionTimestamp: _, deletionGracePeriodSeconds: __, ...metadata } = last.metadata;
  return { ...last, metadata };
}
