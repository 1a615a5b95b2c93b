import { badRequest, fieldError, invalid } from '../errors.ts';
import type { ApiError, FieldError } from '../errors.ts';
import { scaleErrors } from '../crd/scale.ts';
import type { KubeObject } from '../object.ts';
import type { Resource } from '../resource.ts';
import { validateMetadata } from '../schema/metadata.ts';
import { hasRules, validateRules } from '../schema/rules.ts';
import { validateSchema } from '../schema/validate.ts';
import { requireStorable } from './bounds.ts';
import type { WriteTarget } from './options.ts';

/** Every rule of the kind; throws 422 with all faults. */
export function validate(object: KubeObject, old: KubeObject | undefined, target: WriteTarget): void {
  const { resource } = target;
  requireStorable(object);
  const errors: FieldError[] = [
    ...validateMetadata(object, resource.namespaced, resource.nameRule ?? 'subdomain'),
    ...(old ? newFinalizers(object, old) : []),
  ];
  const schemaErrors = validateSchema(object, withoutMetadata(resource), '', old).filter(
    // Types of built-in kinds know no keys; the rules of the kind look after that.
    ({ reason }) => resource.custom || reason !== 'FieldValueDuplicate',
  );
  if (schemaErrors.length > 0 && !resource.custom) throw undecodable(resource, schemaErrors);
  errors.push(...schemaErrors);
  if (resource.scale) errors.push(...scaleErrors(object, resource.scale));
  if (!errors.some(isBlocking)) errors.push(...validateRules(object, old, resource.schema));
  else if (hasRules(resource.schema)) errors.push(UNCHECKED);
  if (!schemaErrors.some(isBlocking)) errors.push(...(resource.rules?.validate?.(object, old) ?? []));
  if (errors.length > 0) throw invalid(resource.group, resource.kind, object.metadata.name ?? '', errors);
}

/** After these a rule could not be evaluated sensibly; as in a real API server, the client hears so. */
const isBlocking = ({ reason }: FieldError): boolean => BLOCKING.has(reason);

const BLOCKING = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]);

const UNCHECKED = fieldError.invalid(
  '<nil>',
  null,
  'some validation rules were not checked because the object was invalid; ' +
    'correct the existing errors to complete validation',
);

/** Built-in kinds are typed: what does not fit the schema is not even an object of the kind. */
function undecodable({ kind, version }: Resource, errors: readonly FieldError[]): ApiError {
  const faults = errors.map(({ field, message }) => `${field}: ${message}`).join(', ');
  return badRequest(`${kind} in version "${version}" cannot be handled as a ${kind}: ${faults}`);
}

/** ObjectMeta has rules of its own. */
function withoutMetadata({ schema }: Resource): Resource['schema'] {
  const { metadata: _, ...properties } = schema.properties ?? {};
  return { ...schema, properties };
}

function newFinalizers(object: KubeObject, old: KubeObject): FieldError[] {
  if (!old.metadata.deletionTimestamp) return [];
  const added = (object.metadata.finalizers ?? []).filter((one) => !old.metadata.finalizers?.includes(one));
  if (added.length === 0) return [];
  const list = added.map((one) => JSON.stringify(one)).join(', ');
  return [
    fieldError.forbidden(
      'metadata.finalizers',
      `no new finalizers can be added if the object is being deleted, found new finalizers []string{${list}}`,
    ),
  ];
}
