import { readCrdFiles } from '../apiserver/crd/files.ts';
import type { Collection } from './api-store.ts';

/** The collections that the CustomResourceDefinitions of a directory make, and the built-in ones that controllers use. */
export async function readCollections(crdsDirectory: string): Promise<Collection[]> {
  const crds = await readCrdFiles(crdsDirectory);
  const ours = crds.map(({ spec }): Collection => {
    const version = spec.versions.find(({ storage }) => storage);
    const schema = version?.schema?.openAPIV3Schema;
    return {
      kind: spec.names.kind,
      plural: spec.names.plural,
      statusSubresource: version?.subresources?.status !== undefined,
      ...(schema && { schema }),
    };
  });
  const builtIn = (kind: string, plural: string): Collection => ({
    kind,
    plural,
    statusSubresource: false,
  });
  return [...ours, builtIn('Event', 'events'), builtIn('Lease', 'leases'), builtIn('Secret', 'secrets')];
}
