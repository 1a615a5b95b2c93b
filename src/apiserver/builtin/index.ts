/** The built-in kinds, as data: what a CustomResourceDefinition says of a custom one. */
import { quotaRules, usageColumn } from '../admission/quota/rules.ts';
import { ageColumn, computedColumn, nameColumn } from '../columns.ts';
import { age } from '../duration.ts';
import { isObject } from '../object.ts';
import type { KubeObject } from '../object.ts';
import { ALL_VERBS, apiVersionOf } from '../resource.ts';
import type { BuiltinRules, Resource, Reviewer, TableColumn, Verb } from '../resource.ts';
import type { NameRule } from '../schema/metadata.ts';
import type { Schema } from '../schema/schema.ts';
import { definitionRules } from '../crd/rules.ts';
import { namespaceRules, secretRules, configMapRules } from './rules.ts';
import { definitionSchema } from './definition-schema.ts';
import { schemas as plainSchemas } from './schemas.ts';

const schemas = { ...plainSchemas, CustomResourceDefinition: definitionSchema };

/** A built-in kind; what it does not say is as for most of them. */
export interface Builtin {
  kind: string;
  plural: string;
  group?: string;
  shortNames?: string[];
  clusterScoped?: true;
  statusSubresource?: true;
  verbs?: Verb[];
  columns: TableColumn[];
  fieldLabels?: [string, (object: KubeObject) => string][];
  rules?: BuiltinRules;
  nameRule?: NameRule;
  review?: Reviewer;
  showsDeleted?: true;
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const size = (value: unknown): number => (isObject(value) ? Object.keys(value).length : 0);
const part = (object: KubeObject, field: string): Record<string, unknown> =>
  isObject(object[field]) ? (object[field] as Record<string, unknown>) : {};

const involved = (field: string): [string, (object: KubeObject) => string] => [
  `involvedObject.${field}`,
  (event) => text(part(event, 'involvedObject')[field]),
];

const eventSource = (event: KubeObject): string =>
  text(part(event, 'source')['component']) || text(event['reportingComponent']);

const lastSeen = (event: KubeObject): unknown =>
  part(event, 'series')['lastObservedTime'] ??
  event['lastTimestamp'] ??
  event['eventTime'] ??
  event.metadata.creationTimestamp;

const BUILTINS: (Builtin & { kind: keyof typeof schemas })[] = [
  {
    kind: 'Namespace',
    plural: 'namespaces',
    shortNames: ['ns'],
    clusterScoped: true,
    statusSubresource: true,
    verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
    columns: [nameColumn, computedColumn('Status', (ns) => text(ns.status?.['phase'])), ageColumn],
    fieldLabels: [['status.phase', (ns) => text(ns.status?.['phase'])]],
    rules: namespaceRules,
    nameRule: 'label',
  },
  {
    kind: 'ConfigMap',
    plural: 'configmaps',
    shortNames: ['cm'],
    columns: [
      nameColumn,
      computedColumn('Data', (cm) => size(cm['data']) + size(cm['binaryData'])),
      ageColumn,
    ],
    rules: configMapRules,
  },
  {
    kind: 'Secret',
    plural: 'secrets',
    columns: [
      nameColumn,
      computedColumn('Type', (secret) => text(secret['type'])),
      computedColumn('Data', (secret) => size(secret['data'])),
      ageColumn,
    ],
    fieldLabels: [['type', (secret) => text(secret['type'])]],
    rules: secretRules,
  },
  {
    kind: 'ServiceAccount',
    plural: 'serviceaccounts',
    showsDeleted: true,
    shortNames: ['sa'],
    columns: [
      nameColumn,
      computedColumn('Secrets', (sa) => (Array.isArray(sa['secrets']) ? sa['secrets'].length : 0)),
      ageColumn,
    ],
  },
  {
    kind: 'ResourceQuota',
    plural: 'resourcequotas',
    shortNames: ['quota'],
    statusSubresource: true,
    columns: [
      nameColumn,
      computedColumn('Request', (quota) => usageColumn(quota, 'requests')),
      computedColumn('Limit', (quota) => usageColumn(quota, 'limits')),
      ageColumn,
    ],
    rules: quotaRules,
    showsDeleted: true,
  },
  {
    kind: 'Event',
    plural: 'events',
    shortNames: ['ev'],
    columns: [
      computedColumn('Last Seen', (event, now) => age(lastSeen(event), now)),
      computedColumn('Type', (event) => text(event['type'])),
      computedColumn('Reason', (event) => text(event['reason'])),
      computedColumn('Object', (event) => {
        const { kind, name } = part(event, 'involvedObject');
        return `${text(kind).toLowerCase()}/${text(name)}`;
      }),
      computedColumn('Subobject', (event) => text(part(event, 'involvedObject')['fieldPath']), {
        priority: 1,
      }),
      computedColumn('Source', eventSource, { priority: 1 }),
      computedColumn('Message', (event) => text(event['message']).trim()),
      computedColumn('First Seen', (event, now) => age(event['firstTimestamp'] ?? event['eventTime'], now), {
        priority: 1,
      }),
      computedColumn('Count', (event) => event['count'] ?? 1, { priority: 1 }),
      { ...nameColumn, priority: 1 },
    ],
    fieldLabels: [
      ...['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'].map(involved),
      ['reason', (event) => text(event['reason'])],
      ['reportingComponent', (event) => text(event['reportingComponent'])],
      ['source', eventSource],
      ['type', (event) => text(event['type'])],
    ],
  },
  {
    kind: 'Lease',
    plural: 'leases',
    group: 'coordination.k8s.io',
    columns: [
      nameColumn,
      computedColumn('Holder', (lease) => text(lease.spec?.['holderIdentity'])),
      ageColumn,
    ],
  },
  {
    kind: 'CustomResourceDefinition',
    plural: 'customresourcedefinitions',
    group: 'apiextensions.k8s.io',
    shortNames: ['crd', 'crds'],
    clusterScoped: true,
    statusSubresource: true,
    columns: [nameColumn, computedColumn('Created At', (crd) => crd.metadata.creationTimestamp)],
    rules: definitionRules,
  },
];

export const builtinResources = (): Resource[] =>
  BUILTINS.map((builtin) => builtinResource(builtin, schemas[builtin.kind]));

/** The resource of a built-in kind, version v1. */
export function builtinResource(builtin: Builtin, schema: Schema): Resource {
  const { kind, plural, group = '', rules, nameRule, review } = builtin;
  return {
    group,
    version: 'v1',
    apiVersion: apiVersionOf(group, 'v1'),
    storedAs: apiVersionOf(group, 'v1'),
    kind,
    listKind: `${kind}List`,
    plural,
    singular: kind.toLowerCase(),
    shortNames: builtin.shortNames ?? [],
    categories: [],
    namespaced: !builtin.clusterScoped,
    verbs: builtin.verbs ?? ALL_VERBS.toSorted(),
    statusSubresource: builtin.statusSubresource ?? false,
    custom: false,
    unconditionalUpdate: true,
    schema,
    columns: builtin.columns,
    fieldLabels: new Map(builtin.fieldLabels),
    ...(rules && { rules }),
    ...(nameRule && { nameRule }),
    ...(review && { review }),
    ...(builtin.showsDeleted && { showsDeleted: true }),
  };
}
