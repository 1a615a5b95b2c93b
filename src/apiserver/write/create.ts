import { decodeEntry, encodeFor } from '../codec.ts';
import type { ApiContext } from '../context.ts';
import { fitStorage } from '../crd/convert.ts';
import { alreadyExists, pathNotFound, terminating } from '../errors.ts';
import type { Json, KubeObject } from '../object.ts';
import { groupResource } from '../read/get.ts';
import { keyOf } from '../resource.ts';
import type { Resource } from '../resource.ts';
import { ExistsError, RefusedError } from '../../store/index.ts';
import type { DecodedBody } from './body.ts';
import { mutatedObject, quotaCheck, requireRights, validateAdmission } from './admit.ts';
import type { WriteOptions, WriteTarget } from './options.ts';
import { checkFields, setDefaults } from './fields.ts';
import { metadataWarnings } from '../schema/metadata.ts';
import { checkIdentity, checkNamespace, generateName } from './identity.ts';
import { setManagedFields, trackedFields } from './managed-fields.ts';
import { prepareForCreate } from './prepare.ts';
import { validate } from './validate.ts';

/** Creates an object from a decoded body and returns it as stored. */
export function createObject(
  context: ApiContext,
  target: WriteTarget,
  body: DecodedBody,
  options: WriteOptions,
): Promise<KubeObject> {
  return createManaged(context, target, body, options, (next, given) =>
    trackedFields(context, target, options, { next, old: undefined, given }),
  );
}

/** The same where `managed` says who manages what; `given` is what the body says of it. */
export async function createManaged(
  context: ApiContext,
  target: WriteTarget,
  { object, duplicates }: DecodedBody,
  options: WriteOptions,
  managed: (next: KubeObject, given: Json[] | undefined) => Json[] | undefined,
): Promise<KubeObject> {
  const { resource } = target;
  checkIdentity(object, target, 'create');
  checkFields(object, resource, options, { duplicates });
  const { managedFields, name } = object.metadata;
  generateName(object);
  setDefaults(object, resource);
  if (resource.custom) options.warnings.push(...metadataWarnings(object));
  prepareForCreate(object, resource, context.now());
  checkNamespace(resource, object, (name) => findNamespace(context, name));
  setManagedFields(object, managed(object, managedFields));
  const next = await mutated(context, target, { object, named: name !== undefined }, options);
  validate(next, undefined, target);
  requireRights(target, { next, old: undefined }, options);
  await validateAdmission(context, target, { next, old: undefined }, options);
  fitStorage(next, resource);
  options.writer?.gone.throwIfAborted();
  const withinQuotas = quotaCheck(context, target, next, options);
  // Webhooks take their time: what was so before may no longer be.
  const check = (): void => {
    checkStillServed(context, resource);
    checkNamespace(resource, next, (name) => findNamespace(context, name));
    withinQuotas();
  };
  return options.dryRun
    ? pretendToStore(context, target, next, check)
    : await store(context, target, next, check);
}

/** What webhooks made of an object is seen to as if a user had sent it. */
async function mutated(
  context: ApiContext,
  target: WriteTarget,
  { object, named }: { object: KubeObject; named: boolean },
  options: WriteOptions,
): Promise<KubeObject> {
  const draft = unborn(object, named);
  const mutated = await mutatedObject(context, target, { next: draft, old: undefined }, options);
  if (mutated === draft) return object;
  const { resource } = target;
  const { uid, managedFields } = object.metadata;
  checkIdentity(mutated, target, 'create');
  checkFields(mutated, resource, { ...options, fieldValidation: 'Ignore' }, {});
  generateName(mutated);
  setDefaults(mutated, resource);
  prepareForCreate(mutated, resource, context.now());
  Object.assign(mutated.metadata, { uid });
  setManagedFields(mutated, managedFields);
  return mutated;
}

/** As webhooks see a new object in Kubernetes: without what only the server says of it. */
function unborn(object: KubeObject, named: boolean): KubeObject {
  const { uid: _, creationTimestamp: __, generation: ___, name, ...metadata } = object.metadata;
  return { ...object, metadata: { ...(named && name !== undefined && { name }), ...metadata } };
}

async function store(
  context: ApiContext,
  { resource }: WriteTarget,
  object: KubeObject,
  check: () => void,
): Promise<KubeObject> {
  const { name = '', namespace } = object.metadata;
  try {
    const key = keyOf(resource, namespace, name);
    const entry = await context.store.create(key, encodeFor(resource, object), check);
    object.metadata.resourceVersion = String(entry.revision);
    return object;
  } catch (error) {
    if (error instanceof RefusedError) throw error.cause;
    if (error instanceof ExistsError) throw alreadyExists(groupResource(resource), name);
    throw error;
  }
}

/** The definition may have gone, or begun to go, since the request came in: nothing is left behind then. */
function checkStillServed({ registry }: ApiContext, { group, version, plural }: Resource): void {
  const present = registry.find(group, version, plural);
  if (!present) throw pathNotFound();
  if (!present.verbs.includes('create')) throw terminating('create');
}

function pretendToStore(
  context: ApiContext,
  { resource }: WriteTarget,
  object: KubeObject,
  check: () => void,
): KubeObject {
  const { name = '', namespace } = object.metadata;
  check();
  if (context.store.get(keyOf(resource, namespace, name))) throw alreadyExists(groupResource(resource), name);
  return object;
}

export function findNamespace({ store, registry }: ApiContext, name: string): KubeObject | undefined {
  const resource = registry.find('', 'v1', 'namespaces');
  const entry = resource && store.get(keyOf(resource, undefined, name));
  return entry && decodeEntry(entry);
}
