import type { CustomResourceDefinition } from '../apiserver/crd/definition.ts';
import { readCrdFiles } from '../apiserver/crd/files.ts';
import { servedResources } from '../apiserver/crd/resources.ts';
import type { KubeObject } from '../apiserver/object.ts';
import { prune } from '../apiserver/schema/prune.ts';
import { validate } from '../apiserver/write/validate.ts';
import type { Resource } from '../resources/metadata.ts';
import type { Collection } from './api-store.ts';
import { readCollections } from './collections.ts';

/** The collections of a directory of CRDs, behind the embedded API server's own pruning, schemas and rules. */
export async function readGuardedCollections(crdsDirectory: string): Promise<Collection[]> {
  const crds = new Map((await readCrdFiles(crdsDirectory)).map((crd) => [crd.spec.names.plural, crd]));
  const collections = await readCollections(crdsDirectory);
  return collections.map((collection) => {
    const crd = crds.get(collection.plural);
    return crd ? { ...collection, admit: admissionOf(crd) } : collection;
  });
}

function admissionOf(crd: CustomResourceDefinition): NonNullable<Collection['admit']> {
  const [resource] = servedResources(crd.spec, crd.spec.names, 'serving');
  if (!resource) throw new Error(`${crd.metadata.name} serves no version`);
  return (object, before, subresource) => {
    const { namespace, name } = object.metadata;
    prune(object, resource.schema);
    validate(asKubeObject(object), before && asKubeObject(before), {
      resource,
      namespace,
      name,
      subresource,
    });
  };
}

/** The same JSON under the API server's name for it. */
const asKubeObject = (object: Resource): KubeObject => object as unknown as KubeObject;
