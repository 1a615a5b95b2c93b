import { compileAdmission } from '../../../cel/admission.ts';
import type { AdmissionExpression } from '../../../cel/admission.ts';
import { compileConditions } from '../expressions.ts';
import type { PolicySpec, Validation } from '../spec.ts';

export interface CompiledValidation {
  readonly validation: Validation;
  readonly condition: AdmissionExpression;
  readonly message: AdmissionExpression | undefined;
}

export interface CompiledPolicy {
  readonly name: string;
  readonly spec: PolicySpec;
  readonly conditions: readonly AdmissionExpression[];
  readonly variables: readonly { readonly name: string; readonly expression: AdmissionExpression }[];
  readonly validations: readonly CompiledValidation[];
  readonly annotations: readonly { readonly key: string; readonly value: AdmissionExpression }[];
}

/** Of a policy that was checked when it was written. */
export function compilePolicy(name: string, spec: PolicySpec): CompiledPolicy {
  return {
    name,
    spec,
    conditions: compileConditions(spec.matchConditions),
    variables: (spec.variables ?? []).map((variable) => ({
      name: variable.name ?? '',
      expression: compileAdmission(variable.expression ?? ''),
    })),
    validations: (spec.validations ?? []).map((validation) => ({
      validation,
      condition: compileAdmission(validation.expression ?? ''),
      message: validation.messageExpression ? compileAdmission(validation.messageExpression) : undefined,
    })),
    annotations: (spec.auditAnnotations ?? []).map(({ key = '', valueExpression = '' }) => ({
      key,
      value: compileAdmission(valueExpression.trim()),
    })),
  };
}
