import { fieldError } from '../../errors.ts';
import type { FieldError } from '../../errors.ts';
import { isObject } from '../../object.ts';
import type { CrdVersion, CustomResourceDefinition } from '../definition.ts';
import { label } from './names.ts';

const MAX_WARNING_CHARACTERS = 256;

/** The scope, the versions among themselves, and the conversion between them. */
export function validateVersions({ spec }: CustomResourceDefinition): FieldError[] {
  const versions = spec.versions ?? [];
  const names = versions.map(({ name }) => name);
  return [
    ...validateScope(spec.scope),
    ...validateStorage(versions),
    ...(new Set(names).size < names.length
      ? [fieldError.invalid('spec.versions', names, 'must contain unique version names')]
      : []),
    ...versions.flatMap((version, i) => validateVersion(version, `spec.versions[${i}]`)),
    ...validateConversion(spec['conversion']),
    ...(spec['preserveUnknownFields'] === true
      ? [
          fieldError.invalid(
            'spec.preserveUnknownFields',
            true,
            'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead',
          ),
        ]
      : []),
  ];
}

function validateScope(scope: string | undefined): FieldError[] {
  if (!scope) return [fieldError.required('spec.scope')];
  const known = ['Cluster', 'Namespaced'];
  return known.includes(scope) ? [] : [fieldError.notSupported('spec.scope', scope, known)];
}

function validateStorage(versions: readonly CrdVersion[]): FieldError[] {
  const storing = versions.filter(({ storage }) => storage).map(({ name }) => name);
  if (storing.length === 1) return [];
  return [
    fieldError.invalid('spec.versions', storing, 'must have exactly one version marked as storage version'),
  ];
}

function validateVersion(version: CrdVersion, at: string): FieldError[] {
  const { name, deprecated, deprecationWarning, schema } = version;
  return [
    ...(name ? label(`${at}.name`, name) : [fieldError.required(`${at}.name`)]),
    ...(version.served === undefined ? [fieldError.required(`${at}.served`)] : []),
    ...(version.storage === undefined ? [fieldError.required(`${at}.storage`)] : []),
    ...(schema?.openAPIV3Schema === undefined ? [fieldError.required(`${at}.schema.openAPIV3Schema`)] : []),
    ...(deprecationWarning === undefined ? [] : validateWarning(deprecationWarning, deprecated, at)),
  ];
}

function validateWarning(warning: string, deprecated: boolean | undefined, at: string): FieldError[] {
  const field = `${at}.deprecationWarning`;
  if (!deprecated) {
    return [fieldError.invalid(field, warning, 'can only be set for deprecated versions')];
  }
  if (warning.trim() === '') return [fieldError.invalid(field, warning, 'must not be blank')];
  if (warning.length > MAX_WARNING_CHARACTERS) {
    return [fieldError.invalid(field, warning, `must be <= ${MAX_WARNING_CHARACTERS} characters long`)];
  }
  return /\p{Cc}/u.test(warning)
    ? [fieldError.invalid(field, warning, 'must only contain printable UTF-8 characters')]
    : [];
}

function validateConversion(conversion: unknown): FieldError[] {
  const { strategy, webhook } = isObject(conversion) ? conversion : {};
  if (strategy === 'Webhook') {
    const remedy =
      'conversion webhooks are not supported by this server: use strategy "None" with schemas that agree on their fields';
    return [fieldError.forbidden('spec.conversion.strategy', remedy)];
  }
  if (strategy !== 'None') return [fieldError.notSupported('spec.conversion.strategy', strategy, ['None'])];
  return webhook === undefined
    ? []
    : [
        fieldError.forbidden(
          'spec.conversion.webhook',
          'should not be set when strategy is not set to Webhook',
        ),
      ];
}
