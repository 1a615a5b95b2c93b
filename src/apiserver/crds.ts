/** CustomResourceDefinitions: from YAML files to objects, and from objects to served resources. */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { tableColumns } from './columns.ts';
import type { PrinterColumn } from './columns.ts';
import { compileJsonPath } from './jsonpath.ts';
import type { JsonObject, KubeObject } from './object.ts';
import { ALL_VERBS, apiVersionOf } from './resource.ts';
import type { Resource } from './resource.ts';
import type { Schema } from './schema/schema.ts';

export interface CustomResourceDefinition extends KubeObject {
  spec: CrdSpec & KubeObject['spec'];
}

interface CrdSpec {
  group: string;
  scope: 'Namespaced' | 'Cluster';
  names: CrdNames;
  versions: CrdVersion[];
}

interface CrdNames {
  plural: string;
  kind: string;
  singular?: string;
  listKind?: string;
  shortNames?: string[];
  categories?: string[];
}

interface CrdVersion {
  name: string;
  served: boolean;
  storage: boolean;
  schema?: { openAPIV3Schema: Schema };
  subresources?: { status?: object };
  additionalPrinterColumns?: PrinterColumn[];
  selectableFields?: { jsonPath: string }[];
}

/** Reads every CustomResourceDefinition of a directory. Throws an Error that names the file at fault. */
export async function readCrdFiles(directory: string): Promise<CustomResourceDefinition[]> {
  const files = (await readdir(directory)).filter((name) => /\.ya?ml$/.test(name)).sort();
  const found: CustomResourceDefinition[] = [];
  for (const name of files) {
    const file = join(directory, name);
    for (const document of parseAllDocuments(await readFile(file, 'utf8'))) {
      if (!('errors' in document)) continue;
      if (document.errors[0]) throw new Error(`${file}: ${document.errors[0].message}`);
      const object = document.toJS({ maxAliasCount: 100 }) as KubeObject | null;
      if (object?.kind === 'CustomResourceDefinition') found.push(checkedCrd(object, file));
    }
  }
  return found;
}

function checkedCrd(object: KubeObject, file: string): CustomResourceDefinition {
  const crd = object as CustomResourceDefinition;
  const { group, names, versions } = crd.spec ?? {};
  const fault =
    (!group && 'spec.group is missing') ||
    (!names?.plural && 'spec.names.plural is missing') ||
    (!names?.kind && 'spec.names.kind is missing') ||
    (!versions?.length && 'spec.versions is empty') ||
    (crd.metadata?.name !== `${names.plural}.${group}` && `metadata.name must be ${names.plural}.${group}`) ||
    (versions.some((v) => !v.schema?.openAPIV3Schema) && 'every version needs schema.openAPIV3Schema');
  if (fault) throw new Error(`${file}: ${fault}`);
  return withCrdDefaults(crd);
}

/** The names and the status that a real API server fills in; objects here come from files and are accepted. */
function withCrdDefaults(crd: CustomResourceDefinition): CustomResourceDefinition {
  const { names, versions } = crd.spec;
  const accepted = {
    ...names,
    singular: names.singular ?? names.kind.toLowerCase(),
    listKind: names.listKind ?? `${names.kind}List`,
  };
  const condition = (type: string, reason: string, message: string) => ({
    type,
    status: 'True',
    reason,
    message,
    lastTransitionTime: '1970-01-01T00:00:00Z',
  });
  return {
    ...crd,
    spec: {
      ...crd.spec,
      names: accepted,
      conversion: { strategy: 'None' },
    } as unknown as CustomResourceDefinition['spec'],
    status: {
      acceptedNames: accepted as unknown as JsonObject,
      storedVersions: versions.filter((v) => v.storage).map((v) => v.name),
      conditions: [
        condition('NamesAccepted', 'NoConflicts', 'no conflicts found'),
        condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
      ],
    },
  };
}

/** One served resource for each served version. */
export function resourcesOf({ spec }: CustomResourceDefinition): Resource[] {
  const { group, names } = spec;
  return spec.versions
    .filter((version) => version.served)
    .map((version) => ({
      group,
      version: version.name,
      apiVersion: apiVersionOf(group, version.name),
      kind: names.kind,
      listKind: names.listKind ?? `${names.kind}List`,
      plural: names.plural,
      singular: names.singular ?? names.kind.toLowerCase(),
      shortNames: names.shortNames ?? [],
      categories: names.categories ?? [],
      namespaced: spec.scope === 'Namespaced',
      verbs: ALL_VERBS,
      statusSubresource: version.subresources?.status !== undefined,
      custom: true,
      unconditionalUpdate: false,
      schema: version.schema?.openAPIV3Schema ?? {},
      columns: tableColumns(version.additionalPrinterColumns),
      fieldLabels: new Map((version.selectableFields ?? []).map(selectableField)),
    }));
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
