/** From an accepted definition to the resources that it has the server offer. */
import { tableColumns } from '../columns.ts';
import { compileJsonPath } from '../jsonpath.ts';
import type { KubeObject } from '../object.ts';
import { ALL_VERBS, apiVersionOf } from '../resource.ts';
import type { Resource, Verb } from '../resource.ts';
import type { Schema } from '../schema/schema.ts';
import { storageVersionOf } from './definition.ts';
import type { CrdNames, CrdSpec, CrdVersion } from './definition.ts';
import { byPriority } from './version-order.ts';

export type Phase = 'serving' | 'terminating';

/** While a definition is being deleted its objects can go, but none can come. */
export const VERBS: Readonly<Record<Phase, readonly Verb[]>> = {
  serving: ALL_VERBS,
  terminating: ALL_VERBS.filter((verb) => verb !== 'create'),
};

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

const schemaOf = (version: CrdVersion | undefined): Schema => version?.schema?.openAPIV3Schema ?? {};

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
    verbs: VERBS[phase],
    statusSubresource: status !== undefined,
    ...(scale && { scale }),
    ...(version.deprecated && { deprecation: deprecationWarning(spec, names, version) }),
    ...(!version.storage && { storedSchema: schemaOf(spec.versions.find(({ storage }) => storage)) }),
    custom: true,
    unconditionalUpdate: false,
    schema: schemaOf(version),
    columns: tableColumns(version.additionalPrinterColumns),
    fieldLabels: new Map((version.selectableFields ?? []).map(selectableField)),
  };
}

/** By default with the version to use instead: the best of those that are as stable. */
function deprecationWarning({ group, versions }: CrdSpec, { kind }: CrdNames, old: CrdVersion): string {
  if (old.deprecationWarning !== undefined) return old.deprecationWarning;
  const [better] = versions
    .filter(({ name, served, deprecated }) => served && !deprecated && byPriority(name, old.name) < 0)
    .sort((a, b) => byPriority(a.name, b.name));
  const instead = better ? `; use ${group}/${better.name} ${kind}` : '';
  return `${group}/${old.name} ${kind} is deprecated${instead}`;
}

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
