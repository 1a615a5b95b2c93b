import { equalJson } from '../../../values/equal.ts';
import type { CrdSpec, CrdVersion } from '../definition.ts';

/** What versions may say in common, and where an error message puts it then. */
const HOISTED = {
  schema: 'validation',
  subresources: 'subresources',
  additionalPrinterColumns: 'additionalPrinterColumns',
  selectableFields: 'selectableFields',
} as const;

type Aspect = keyof typeof HOISTED;

export interface Hoisted<Name extends Aspect> {
  readonly value: CrdVersion[Name];
  readonly version: CrdVersion;
  readonly path: string;
}

/**
 * One aspect of each version with its path. As in Kubernetes, what is the same in all versions is spoken of once, as
 * `spec.validation` and the like; people know these paths from its messages.
 */
export function aspectOf<Name extends Aspect>({ versions }: CrdSpec, name: Name): Hoisted<Name>[] {
  const [first, ...others] = versions;
  if (!first) return [];
  if (others.every((version) => equalJson(version[name], first[name]))) {
    return [{ value: first[name], version: first, path: `spec.${HOISTED[name]}` }];
  }
  return versions.map((version, i) => ({
    value: version[name],
    version,
    path: `spec.versions[${i}].${name}`,
  }));
}
