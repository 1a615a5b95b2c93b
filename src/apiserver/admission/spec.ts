/** What the kinds of admissionregistration.k8s.io/v1 say, after defaults. */
import type { LabelSelector } from '../authz/label-selector.ts';

export const ADMISSION_GROUP = 'admissionregistration.k8s.io';

export type FailurePolicy = 'Fail' | 'Ignore';

type Patterns = 'operations' | 'apiGroups' | 'apiVersions' | 'resources' | 'resourceNames';

export interface Rule extends Readonly<Partial<Record<Patterns, readonly string[]>>> {
  readonly scope?: string;
}

export interface MatchResources {
  readonly namespaceSelector?: LabelSelector;
  readonly objectSelector?: LabelSelector;
  readonly resourceRules?: readonly Rule[];
  readonly excludeResourceRules?: readonly Rule[];
  readonly matchPolicy?: string;
}

export interface NamedExpression {
  readonly name?: string;
  readonly expression?: string;
}

export interface Validation {
  readonly expression?: string;
  readonly message?: string;
  readonly messageExpression?: string;
  readonly reason?: string;
}

export interface ParamKind {
  readonly apiVersion?: string;
  readonly kind?: string;
}

export interface PolicySpec {
  readonly paramKind?: ParamKind;
  readonly matchConstraints?: MatchResources;
  readonly matchConditions?: readonly NamedExpression[];
  readonly variables?: readonly NamedExpression[];
  readonly validations?: readonly Validation[];
  readonly auditAnnotations?: readonly { readonly key?: string; readonly valueExpression?: string }[];
  readonly failurePolicy?: FailurePolicy;
}

export interface ParamRef {
  readonly name?: string;
  readonly namespace?: string;
  readonly selector?: LabelSelector;
  readonly parameterNotFoundAction?: string;
}

export interface BindingSpec {
  readonly policyName?: string;
  readonly paramRef?: ParamRef;
  readonly matchResources?: MatchResources;
  readonly validationActions?: readonly string[];
}

export interface Webhook {
  readonly name?: string;
  readonly clientConfig?: { readonly url?: string; readonly caBundle?: string; readonly service?: object };
  readonly rules?: readonly Rule[];
  readonly failurePolicy?: FailurePolicy;
  readonly matchPolicy?: string;
  readonly namespaceSelector?: LabelSelector;
  readonly objectSelector?: LabelSelector;
  readonly sideEffects?: string;
  readonly timeoutSeconds?: number;
  readonly admissionReviewVersions?: readonly string[];
  readonly matchConditions?: readonly NamedExpression[];
  /** Of mutating ones. */
  readonly reinvocationPolicy?: string;
}
