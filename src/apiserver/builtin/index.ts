/** The built-in kinds, as data: what a CustomResourceDefinition says of a custom one. */
import { ageColumn, computedColumn, nameColumn } from '../columns.ts';
import { definitionRules } from '../crd/rules.ts';
import { isObject } from '../object.ts';
import type { Resource } from '../resource.ts';
import { builtinResource } from './builtin.ts';
import type { Builtin } from './builtin.ts';
import { definitionSchema } from './definition-schema.ts';
import { events, newEvents } from './events.ts';
import { quotas } from './quotas.ts';
import { configMapRules, leaseRules, namespaceRules, secretRules } from './rules.ts';
import { schemas } from './schemas.ts';

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const size = (value: unknown): number => (isObject(value) ? Object.keys(value).length : 0);

const BUILTINS: readonly Builtin[] = [
  {
    kind: 'Namespace',
    schema: schemas.Namespace,
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
    schema: schemas.ConfigMap,
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
    schema: schemas.Secret,
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
    schema: schemas.ServiceAccount,
    plural: 'serviceaccounts',
    showsDeleted: true,
    shortNames: ['sa'],
    columns: [
      nameColumn,
      computedColumn('Secrets', (sa) => (Array.isArray(sa['secrets']) ? sa['secrets'].length : 0)),
      ageColumn,
    ],
  },
  quotas,
  events,
  newEvents,
  {
    kind: 'Lease',
    schema: schemas.Lease,
    plural: 'leases',
    group: 'coordination.k8s.io',
    rules: leaseRules,
    always: { spec: {} },
    columns: [
      nameColumn,
      computedColumn('Holder', (lease) => text(lease.spec?.['holderIdentity'])),
      ageColumn,
    ],
  },
  {
    kind: 'CustomResourceDefinition',
    schema: definitionSchema,
    plural: 'customresourcedefinitions',
    group: 'apiextensions.k8s.io',
    shortNames: ['crd', 'crds'],
    clusterScoped: true,
    statusSubresource: true,
    columns: [nameColumn, computedColumn('Created At', (crd) => crd.metadata.creationTimestamp)],
    rules: definitionRules,
    conditionalUpdate: true,
  },
];

export const builtinResources = (): Resource[] => BUILTINS.map(builtinResource);
