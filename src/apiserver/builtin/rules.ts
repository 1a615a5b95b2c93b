import { fieldError } from '../errors.ts';
import type { FieldError } from '../errors.ts';
import { isObject } from '../object.ts';
import { equalJson } from '../../values/equal.ts';
import type { KubeObject } from '../object.ts';
import type { BuiltinRules } from '../resource.ts';
import { typedSecretErrors } from './secret-types.ts';

const KEY = /^[-._a-zA-Z0-9]+$/;
const MAX_DATA_BYTES = 1024 * 1024;
const KEY_RULE =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

/** A namespace carries its own name as a label and is kept by the `kubernetes` finalizer until it is empty. */
export const namespaceRules: BuiltinRules = {
  prepare(namespace, old) {
    namespace.metadata.labels = {
      ...namespace.metadata.labels,
      'kubernetes.io/metadata.name': namespace.metadata.name ?? '',
    };
    // Only the finalize subresource changes these.
    namespace.spec = old ? structuredClone(old.spec ?? {}) : { finalizers: ['kubernetes'] };
    if (!old) namespace.status = { phase: 'Active' };
  },
};

export const leaseRules: BuiltinRules = {
  validate({ spec = {} }) {
    const { leaseDurationSeconds: seconds, leaseTransitions: transitions, strategy, preferredHolder } = spec;
    return [
      ...(typeof seconds === 'number' && seconds <= 0
        ? [fieldError.invalid('spec.leaseDurationSeconds', seconds, 'must be greater than 0')]
        : []),
      ...(typeof transitions === 'number' && transitions < 0
        ? [fieldError.invalid('spec.leaseTransitions', transitions, 'must be greater than or equal to 0')]
        : []),
      ...(preferredHolder && !strategy
        ? [fieldError.forbidden('spec.preferredHolder', 'may only be specified if `strategy` is defined')]
        : []),
    ];
  },
};

function dataErrors(object: KubeObject, fields: string[]): FieldError[] {
  const errors: FieldError[] = [];
  let bytes = 0;
  for (const field of fields) {
    for (const [key, value] of Object.entries(isObject(object[field]) ? object[field] : {})) {
      if (!KEY.test(key) || key.length > 253)
        errors.push(fieldError.invalid(`${field}[${key}]`, key, KEY_RULE));
      if (typeof value === 'string') bytes += Buffer.byteLength(value);
    }
  }
  if (bytes > MAX_DATA_BYTES) errors.push(fieldError.tooLong('', MAX_DATA_BYTES));
  return errors;
}

function immutableErrors(object: KubeObject, old: KubeObject | undefined, fields: string[]): FieldError[] {
  if (old?.['immutable'] !== true) return [];
  const errors = fields
    .filter((field) => !equalJson(object[field], old[field]))
    .map((field) => fieldError.forbidden(field, 'field is immutable when `immutable` is set'));
  if (object['immutable'] !== true) {
    errors.push(fieldError.forbidden('immutable', 'field is immutable when `immutable` is set'));
  }
  return errors;
}

export const configMapRules: BuiltinRules = {
  validate: (object, old) => [
    ...dataErrors(object, ['data', 'binaryData']),
    ...immutableErrors(object, old, ['data', 'binaryData']),
  ],
};

/** `stringData` is folded into `data`, the type defaults to Opaque and never changes. */
export const secretRules: BuiltinRules = {
  prepare(secret) {
    secret['type'] ??= 'Opaque';
    const { stringData } = secret;
    if (isObject(stringData)) {
      const data: Record<string, unknown> = isObject(secret['data']) ? { ...secret['data'] } : {};
      for (const [key, value] of Object.entries(stringData)) {
        data[key] = typeof value === 'string' ? Buffer.from(value).toString('base64') : value;
      }
      secret['data'] = data;
    }
    delete secret['stringData'];
  },
  validate: (object, old) => [
    ...dataErrors(object, ['data']),
    ...typedSecretErrors(object),
    ...immutableErrors(object, old, ['data']),
    ...(old && object['type'] !== old['type']
      ? [fieldError.invalid('type', object['type'], 'field is immutable')]
      : []),
  ],
};
