/** From an accepted definition to the resources that it has the server offer. */
import { tableColumns } from '../columns.ts';
import { compileJsonPath } from '../jsonpath.ts';
import type { KubeObject } from '../object.ts';
import { ALL_VERBS, apiVersionOf } from '../resource.ts';
import type { Resource, Verb } from '../resource.ts';
import { storageVersionOf } from './definition.ts';
import type { CrdNames, CrdSpec, CrdVersion } from './definition.ts';
import { byPriority } from './version-order.ts';

/** While a definition is being deleted its objects can go, but none can come. */
const LAST_VERBS: readonly Verb[] = ALL_VERBS.filter((verb) => verb !== 'create');

export type Phase = 'serving' | 'terminating';

/** One resource for each served version, the preferred one first. */
export function servedResources(spec: CrdSpec, names: CrdNames, phase: Phase): Resource[] {
  return spec.versions
    .filter((version) => version.served)
    .sort((a, b) => byPriority(a.name, b.name))
    .map((version) => resourceOf(spec, names, version, phase));
}

/** The version under which the objects are stored, whether it is served or not. */
export function storageResource(spec: CrdSpec): Resource {
  const version = spec.versions.find(({ storage }) => storage);
  if (!version)
    throw new Error(`the definition of ${spec.names.plural}.${spec.group} has no storage version`);
  return resourceOf(spec, spec.names, version, 'terminating');
}

function resourceOf(spec: CrdSpec, names: CrdNames, version: CrdVersion, phase: Phase): Resource {
  const { group } = spec;
  const { status, scale } = version.subresources ?? {};
  return {
    group,
    version: version.name,
    apiVersion: apiVersionOf(group, version.name),
    storedAs: apiVersionOf(group, storageVersionOf(spec)),
    kind: names.kind,
    listKind: names.listKind ?? `${names.kind}List`,
    plural: names.plural,
    singular: names.singular ?? names.kind.toLowerCase(),
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    namespaced: spec.scope === 'Namespaced',
    verbs: phase === 'serving' ? ALL_VERBS : LAST_VERBS,
    statusSubresource: status !== undefined,
    ...(scale && { scale }),
    ...(version.deprecated && { deprecation: deprecationWarning(group, names, version) }),
    custom: true,
    unconditionalUpdate: false,
    schema: version.schema?.openAPIV3Schema ?? {},
    columns: tableColumns(version.additionalPrinterColumns),
    fieldLabels: new Map((version.selectableFields ?? []).map(selectableField)),
  };
}

const deprecationWarning = (group: string, { kind }: CrdNames, version: CrdVersion): string =>
  version.deprecationWarning ?? `${group}/${version.name} ${kind} is deprecated`;

function selectableField({ jsonPath }: { jsonPath: string }): [string, (object: KubeObject) => string] {
  const find = compileJsonPath(jsonPath);
  return [
    jsonPath.replace(/^\./, ''),
    (object) => {
      const value = find(object)[0];
      return value === undefined || value === null ? '' : String(value as string | number | boolean);
    },
  ];
}
