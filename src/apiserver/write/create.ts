import { decodeEntry, encodeFor } from '../codec.ts';
import type { ApiContext } from '../context.ts';
import { fitStorage } from '../crd/convert.ts';
import { alreadyExists, pathNotFound, terminating } from '../errors.ts';
import type { Json, KubeObject } from '../object.ts';
import { groupResource } from '../read/get.ts';
import { keyOf } from '../resource.ts';
import type { Resource } from '../resource.ts';
import { ExistsError } from '../../store/index.ts';
import type { DecodedBody } from './body.ts';
import { admit } from './options.ts';
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
  const { managedFields } = object.metadata;
  generateName(object);
  setDefaults(object, resource);
  if (resource.custom) options.warnings.push(...metadataWarnings(object));
  prepareForCreate(object, resource, context.now());
  setManagedFields(object, managed(object, managedFields));
  validate(object, undefined, target);
  admit(target, object, undefined, options);
  checkNamespace(resource, object, (name) => findNamespace(context, name));
  fitStorage(object, resource);
  return options.dryRun ? pretendToStore(context, target, object) : await store(context, target, object);
}

async function store(
  context: ApiContext,
  { resource }: WriteTarget,
  object: KubeObject,
): Promise<KubeObject> {
  const { name = '', namespace } = object.metadata;
  checkStillServed(context, resource);
  try {
    const entry = await context.store.create(keyOf(resource, namespace, name), encodeFor(resource, object));
    object.metadata.resourceVersion = String(entry.revision);
    return object;
  } catch (error) {
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

function pretendToStore(context: ApiContext, { resource }: WriteTarget, object: KubeObject): KubeObject {
  const { name = '', namespace } = object.metadata;
  if (context.store.get(keyOf(resource, namespace, name))) throw alreadyExists(groupResource(resource), name);
  return object;
}

export function findNamespace({ store, registry }: ApiContext, name: string): KubeObject | undefined {
  const resource = registry.find('', 'v1', 'namespaces');
  const entry = resource && store.get(keyOf(resource, undefined, name));
  return entry && decodeEntry(entry);
}
