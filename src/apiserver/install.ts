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
import { compileSchema } from './schema/rules.ts';
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
  const definitions = builtin(context, 'apiextensions.k8s.io', 'customresourcedefinitions');
  for (const crd of await readCrdFiles(directory)) {
    const resources = resourcesOf(crd);
    resources.forEach(compile);
    for (const resource of resources) context.registry.add(resource);
    const key = keyOf(definitions, undefined, crd.metadata.name ?? '');
    const entry = context.store.get(key);
    const old = entry && decodeEntry(entry);
    // Before the definition is stored: a crash in between repeats it.
    if (old && !sameJson(crd.spec, old.spec)) {
      for (const resource of resources) await addNewDefaults(context, resource);
    }
    await storeCrd(context, key, crd, old);
  }
}

function compile({ schema, plural, group }: Resource): void {
  try {
    compileSchema(schema);
  } catch (error) {
    throw new Error(`CustomResourceDefinition ${plural}.${group}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

async function storeCrd(
  { store, now }: ApiContext,
  key: string,
  crd: CustomResourceDefinition,
  old: KubeObject | undefined,
): Promise<void> {
  if (!old) {
    const system = { uid: crypto.randomUUID(), creationTimestamp: timestamp(now()), generation: 1 };
    await store.create(key, encodeObject({ ...crd, metadata: { ...crd.metadata, ...system } }));
    return;
  }
  const { uid, creationTimestamp, generation = 1, resourceVersion } = old.metadata;
  const changed = !sameJson(crd.spec, old.spec);
  const system = {
    uid,
    creationTimestamp,
    generation: changed ? generation + 1 : generation,
    resourceVersion,
  };
  const next: KubeObject = { ...crd, metadata: { ...crd.metadata, ...system } };
  if (!sameJson(next, old)) await store.update(key, encodeObject(next), Number(resourceVersion));
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
