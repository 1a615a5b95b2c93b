/** The kinds of admissionregistration.k8s.io/v1. */
import { ADMISSION_GROUP } from '../admission/spec.ts';
import type { BindingSpec, PolicySpec, Webhook } from '../admission/spec.ts';
import { bindingErrors, policyErrors } from '../admission/validate/policy.ts';
import { webhookErrors } from '../admission/validate/webhooks.ts';
import { ageColumn, computedColumn, nameColumn } from '../columns.ts';
import { equalJson } from '../../values/equal.ts';
import type { KubeObject } from '../object.ts';
import type { BuiltinRules, Resource } from '../resource.ts';
import { admissionSchemas } from './admission-schemas.ts';
import { builtinResource } from './builtin.ts';
import type { Builtin } from './builtin.ts';

const policySpec = ({ spec }: KubeObject): PolicySpec => (spec ?? {}) as PolicySpec;
const bindingSpec = ({ spec }: KubeObject): BindingSpec => (spec ?? {}) as BindingSpec;
const webhooksOf = ({ webhooks }: KubeObject): Webhook[] =>
  Array.isArray(webhooks) ? (webhooks as Webhook[]) : [];

/** They count changes of what they say, which other built-in kinds do not. */
const counted =
  (field: 'spec' | 'webhooks'): NonNullable<BuiltinRules['prepare']> =>
  (object, old) => {
    const changed = old !== undefined && !equalJson(object[field], old[field]);
    object.metadata.generation = old ? (old.metadata.generation ?? 1) + Number(changed) : 1;
    if (field === 'spec') object.spec ??= {};
  };

function paramKindCell(policy: KubeObject): string {
  const { paramKind } = policySpec(policy);
  return paramKind ? `${paramKind.apiVersion}/${paramKind.kind}` : '<unset>';
}

function paramRefCell(binding: KubeObject): string {
  const { paramRef } = bindingSpec(binding);
  if (paramRef?.name) return `${paramRef.namespace ?? '*'}/${paramRef.name}`;
  return paramRef?.selector ? JSON.stringify(paramRef.selector) : '<unset>';
}

type Kind = Omit<Builtin, 'schema'> & { kind: keyof typeof admissionSchemas };

const webhookKind = (kind: keyof typeof admissionSchemas): Kind => ({
  kind,
  plural: `${kind.toLowerCase()}s`,
  columns: [
    nameColumn,
    computedColumn('Webhooks', (object) => webhooksOf(object).length, { type: 'integer' }),
    ageColumn,
  ],
  rules: { prepare: counted('webhooks'), validate: (object) => webhookErrors(webhooksOf(object)) },
});

const KINDS: readonly Kind[] = [
  webhookKind('MutatingWebhookConfiguration'),
  {
    kind: 'ValidatingAdmissionPolicy',
    plural: 'validatingadmissionpolicies',
    statusSubresource: true,
    columns: [
      nameColumn,
      computedColumn('Validations', (policy) => policySpec(policy).validations?.length ?? 0, {
        type: 'integer',
      }),
      computedColumn('ParamKind', paramKindCell),
      ageColumn,
    ],
    rules: {
      prepare: (policy, old) => {
        counted('spec')(policy, old);
        policy.status ??= {};
      },
      validate: (policy) => policyErrors(policy.metadata.name ?? '', policySpec(policy)),
    },
  },
  {
    kind: 'ValidatingAdmissionPolicyBinding',
    plural: 'validatingadmissionpolicybindings',
    columns: [
      nameColumn,
      computedColumn('PolicyName', (binding) => bindingSpec(binding).policyName ?? ''),
      computedColumn('ParamRef', paramRefCell),
      ageColumn,
    ],
    rules: { prepare: counted('spec'), validate: (binding) => bindingErrors(bindingSpec(binding)) },
  },
  webhookKind('ValidatingWebhookConfiguration'),
];

export const admissionResources = (): Resource[] =>
  KINDS.map((kind) =>
    builtinResource({
      ...kind,
      schema: admissionSchemas[kind.kind],
      group: ADMISSION_GROUP,
      clusterScoped: true,
      ...(kind.kind.endsWith('Configuration') ? {} : { always: { spec: {} } }),
    }),
  );
