/** ResourceQuota: how many objects there may be in a namespace. */
import { quotaRules, usageColumn } from '../admission/quota/rules.ts';
import { ageColumn, computedColumn, nameColumn } from '../columns.ts';
import { nameSchema } from '../schema/reference.ts';
import type { Schema } from '../schema/schema.ts';
import type { Builtin } from './builtin.ts';
import { kindSchema, list, mapOf, object } from './schemas.ts';

const quantity = nameSchema('io.k8s.apimachinery.pkg.api.resource.Quantity', {
  description:
    'Quantity is a fixed-point representation of a number: 10, 1500m, 8Gi. As text or as a number.',
  'x-kubernetes-int-or-string': true,
});

const quantities = (description: string): Schema => mapOf(description, quantity);

const schema = kindSchema('ResourceQuota sets aggregate quota restrictions enforced per namespace.', {
  spec: object('Spec defines the desired quota.', {
    hard: quantities('hard is the set of desired hard limits for each named resource.'),
    scopes: list('Not supported.', { type: 'string' }, { 'x-kubernetes-list-type': 'atomic' }),
    scopeSelector: {
      type: 'object',
      description: 'Not supported.',
      'x-kubernetes-preserve-unknown-fields': true,
    },
  }),
  status: object('Status defines the actual enforced quota and its current usage.', {
    hard: quantities('Hard is the set of enforced hard limits for each named resource.'),
    used: quantities('Used is the current observed total usage of the resource in the namespace.'),
  }),
});

export const quotas: Builtin = {
  kind: 'ResourceQuota',
  schema,
  plural: 'resourcequotas',
  shortNames: ['quota'],
  statusSubresource: true,
  always: { spec: {} },
  columns: [
    nameColumn,
    computedColumn('Request', (quota) => usageColumn(quota, 'requests')),
    computedColumn('Limit', (quota) => usageColumn(quota, 'limits')),
    ageColumn,
  ],
  rules: quotaRules,
  showsDeleted: true,
};
