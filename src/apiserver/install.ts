/** What exists from the start: the namespaces, and the CustomResourceDefinitions of a directory. */
import type { ApiContext } from './context.ts';
import { CRD_GROUP, CRD_PLURAL } from './crd/definition.ts';
import { readDefinitionFiles } from './crd/files.ts';
import type { DefinitionFile } from './crd/files.ts';
import { ApiError } from './errors.ts';
import type { KubeObject } from './object.ts';
import type { Resource } from './resource.ts';
import { createObject } from './write/create.ts';
import { internalWrite } from './write/options.ts';
import { updateObject } from './write/update.ts';

const NAMESPACES = ['default', 'kube-system'];

export async function installNamespaces(context: ApiContext): Promise<void> {
  const resource = builtin(context, '', 'namespaces');
  for (const name of NAMESPACES) {
    const object: KubeObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
    const target = { resource, namespace: undefined, name, subresource: undefined };
    await createObject(context, target, { object, duplicates: [] }, internalWrite()).catch(ignoreExisting);
  }
}

/** Applies every definition of the directory, as a user would; those of users stay as they are. */
export async function installCrds(context: ApiContext, directory: string): Promise<void> {
  const resource = builtin(context, CRD_GROUP, CRD_PLURAL);
  for (const definition of await readDefinitionFiles(directory)) {
    await applyDefinition(context, resource, definition).catch((error: unknown) => {
      throw new Error(`${definition.file}: ${(error as Error).message}`, { cause: error });
    });
  }
}

async function applyDefinition(
  context: ApiContext,
  resource: Resource,
  { object }: DefinitionFile,
): Promise<void> {
  const target = { resource, namespace: undefined, name: object.metadata?.name, subresource: undefined };
  const created = await createObject(
    context,
    target,
    { object: structuredClone(object), duplicates: [] },
    internalWrite(),
  ).catch(ignoreExisting);
  if (created) return;
  const { labels, annotations } = object.metadata;
  const apply = (present: KubeObject): KubeObject => ({
    ...present,
    metadata: {
      ...present.metadata,
      ...(labels && { labels: { ...present.metadata.labels, ...labels } }),
      ...(annotations && { annotations: { ...present.metadata.annotations, ...annotations } }),
    },
    spec: structuredClone(object.spec ?? {}),
  });
  await updateObject(context, target, { verb: 'patch', apply }, internalWrite());
}

function builtin({ registry }: ApiContext, group: string, plural: string): Resource {
  const found = registry.find(group, 'v1', plural);
  if (!found) throw new Error(`the built-in resource ${plural} is missing`);
  return found;
}

function ignoreExisting(error: unknown): undefined {
  if (error instanceof ApiError && error.reason === 'AlreadyExists') return undefined;
  throw error;
}
