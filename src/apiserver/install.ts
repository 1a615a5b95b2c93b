/** What exists from the start: the namespaces, and the CustomResourceDefinitions of a directory. */
import { encodeObject, decodeEntry } from './codec.ts';
import type { ApiContext } from './context.ts';
import { readCrdFiles, resourcesOf } from './crds.ts';
import type { CustomResourceDefinition } from './crds.ts';
import { ApiError } from './errors.ts';
import { sameJson, timestamp } from './object.ts';
import type { KubeObject } from './object.ts';
import { keyOf, keyPrefix } from './resource.ts';
import type { Resource } from './resource.ts';
import { compileRules } from './schema/rules.ts';
import { createObject } from './write/create.ts';
import { setDefaults } from './write/fields.ts';
import { mutateObject } from './write/mutate.ts';
import { internalWrite } from './write/options.ts';

const NAMESPACES = ['default', 'kube-system'];

export async function installNamespaces(context: ApiContext): Promise<void> {
  const resource = builtin(context, '', 'namespaces');
  for (const name of NAMESPACES) {
    const object: KubeObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
    const target = { resource, namespace: undefined, name, subresource: undefined };
    await createObject(context, target, { object, duplicates: [] }, internalWrite()).catch(ignoreExisting);
  }
}

/** Serves every definition of the directory, and stores those that are new or changed. */
export async function installCrds(context: ApiContext, directory: string): Promise<void> {
  const resource = builtin(context, 'apiextensions.k8s.io', 'customresourcedefinitions');
  for (const crd of await readCrdFiles(directory)) {
    const outcome = await storeCrd(context, resource, crd);
    for (const served of resourcesOf(crd)) {
      compileRules(served.schema);
      context.registry.add(served);
      if (outcome === 'changed') await addNewDefaults(context, served);
    }
  }
}

async function storeCrd(
  context: ApiContext,
  resource: Resource,
  crd: CustomResourceDefinition,
): Promise<'changed' | 'new' | 'unchanged'> {
  const { store, now } = context;
  const key = keyOf(resource, undefined, crd.metadata.name ?? '');
  const entry = store.get(key);
  if (!entry) {
    const metadata = {
      ...crd.metadata,
      uid: crypto.randomUUID(),
      creationTimestamp: timestamp(now()),
      generation: 1,
    };
    await store.create(key, encodeObject({ ...crd, metadata }));
    return 'new';
  }
  const old = decodeEntry(entry);
  const { uid, creationTimestamp, generation = 1, resourceVersion } = old.metadata;
  const changed = !sameJson(crd.spec, old.spec);
  const metadata = {
    ...crd.metadata,
    uid,
    creationTimestamp,
    generation: changed ? generation + 1 : generation,
  };
  const next = { ...crd, metadata };
  if (sameJson({ ...next, metadata: { ...metadata, resourceVersion } }, old)) return 'unchanged';
  await store.update(key, encodeObject(next as KubeObject), entry.revision);
  return 'changed';
}

/** Readers may rely on defaults, also on those that are younger than the object. */
async function addNewDefaults(context: ApiContext, resource: Resource): Promise<void> {
  for (const { key, value } of context.store.list(keyPrefix(resource)).entries) {
    const { uid } = (JSON.parse(value) as KubeObject).metadata;
    await mutateObject(context, key, uid, (object) => setDefaults(object, resource));
  }
}

function builtin({ registry }: ApiContext, group: string, plural: string): Resource {
  const found = registry.find(group, 'v1', plural);
  if (!found) throw new Error(`the built-in resource ${plural} is missing`);
  return found;
}

function ignoreExisting(error: unknown): void {
  if (!(error instanceof ApiError && error.reason === 'AlreadyExists')) throw error;
}
