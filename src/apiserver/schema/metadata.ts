import { fieldError } from '../errors.ts';
import type { FieldError } from '../errors.ts';
import { isObject } from '../object.ts';
import type { KubeObject, ObjectMeta } from '../object.ts';
import { isManagedFieldsEntry, validateManagedFields } from './field-manager.ts';

/** RFC 1123 subdomain: the name rule of nearly every kind. */
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const QUALIFIED_NAME = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const MAX_ANNOTATION_BYTES = 256 * 1024;

const SUBDOMAIN_RULE =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and " +
  "end with an alphanumeric character (e.g. 'example.com', regex used for validation is " +
  "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL_RULE =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with " +
  "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const QUALIFIED_NAME_RULE =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric " +
  "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE_RULE =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and " +
  "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is " +
  "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/** `pathSegment`: whatever can stand between two slashes, for kinds whose names have colons. */
export type NameRule = 'subdomain' | 'label' | 'pathSegment';

type MetadataType = 'string' | 'number' | 'stringMap' | 'strings' | 'objects' | 'managedFields';

/** What kind of JSON value metadata fields hold; a wrong one is a decoding error, not an invalid object. */
const METADATA_TYPES: Record<string, MetadataType> = {
  name: 'string',
  generateName: 'string',
  namespace: 'string',
  uid: 'string',
  resourceVersion: 'string',
  selfLink: 'string',
  creationTimestamp: 'string',
  deletionTimestamp: 'string',
  generation: 'number',
  deletionGracePeriodSeconds: 'number',
  labels: 'stringMap',
  annotations: 'stringMap',
  finalizers: 'strings',
  ownerReferences: 'objects',
  managedFields: 'managedFields',
};

/** Describes the first metadata field of a wrong JSON type, and lists unknown fields; drops these and empty ones. */
export function sanitizeMetadata(metadata: Record<string, unknown>): { wrong?: string; unknown: string[] } {
  const unknown: string[] = [];
  for (const [field, value] of Object.entries(metadata)) {
    const wanted = METADATA_TYPES[field];
    if (!wanted) {
      unknown.push(`metadata.${field}`);
      delete metadata[field];
    } else if (value === null) delete metadata[field];
    else if (!hasType(value, wanted)) return { wrong: `metadata.${field}`, unknown };
    else if (isEmpty(value)) delete metadata[field];
  }
  return { unknown };
}

/** No labels are no field, as in an API server whose types leave out what is empty. */
const isEmpty = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 0;

function hasType(value: unknown, wanted: MetadataType): boolean {
  switch (wanted) {
    case 'string':
    case 'number':
      return typeof value === wanted;
    case 'stringMap':
      return isObject(value) && Object.values(value).every((one) => typeof one === 'string');
    case 'strings':
      return Array.isArray(value) && value.every((one) => typeof one === 'string');
    case 'objects':
      return Array.isArray(value) && value.every(isObject);
    case 'managedFields':
      return Array.isArray(value) && value.every(isManagedFieldsEntry);
  }
}

/** The rules of k8s.io/apimachinery/pkg/api/validation for ObjectMeta. */
export function validateMetadata(object: KubeObject, namespaced: boolean, nameRule: NameRule): FieldError[] {
  const { metadata } = object;
  return [
    ...validateName(metadata, nameRule),
    ...(namespaced && !metadata.namespace ? [fieldError.required('metadata.namespace')] : []),
    ...validateLabels(metadata.labels ?? {}, 'metadata.labels'),
    ...validateAnnotations(metadata.annotations ?? {}),
    ...validateOwners(metadata),
    ...validateFinalizers(metadata.finalizers ?? []),
    ...validateManagedFields(metadata.managedFields ?? []),
  ];
}

function validateName({ name }: ObjectMeta, rule: NameRule): FieldError[] {
  const field = 'metadata.name';
  if (!name) return [fieldError.required(field, 'name or generateName is required')];
  if (rule === 'pathSegment') {
    const fault = pathSegmentFault(name);
    return fault ? [fieldError.invalid(field, name, fault)] : [];
  }
  const fault = rule === 'label' ? labelFault(name) : longSubdomainFault(name);
  return fault === undefined ? [] : [fieldError.invalid(field, name, fault)];
}

function labelFault(name: string): string | undefined {
  if (name.includes('.')) return 'must not contain dots';
  if (name.length > 63) return 'must be no more than 63 characters';
  return LABEL.test(name) ? undefined : LABEL_RULE;
}

const longSubdomainFault = (name: string): string | undefined =>
  name.length > 253 ? 'must be no more than 253 bytes' : subdomainFault(name);

/** IsPathSegmentName of k8s.io/apimachinery. */
export function pathSegmentFault(name: string): string | undefined {
  if (name === '.' || name === '..') return `may not be '${name}'`;
  const character = /[/%]/.exec(name)?.[0];
  return character && `may not contain '${character}'`;
}

/** A ServiceAccount's name is a subdomain. */
export const subdomainFault = (name: string): string | undefined =>
  SUBDOMAIN.test(name) ? undefined : SUBDOMAIN_RULE;

export function validateLabels(labels: Record<string, string>, field: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(labels)) {
    const keyError = qualifiedNameFault(key);
    if (keyError) errors.push(fieldError.invalid(field, key, keyError));
    if (value.length > 63) errors.push(fieldError.invalid(field, value, 'must be no more than 63 bytes'));
    else if (!LABEL_VALUE.test(value)) errors.push(fieldError.invalid(field, value, LABEL_VALUE_RULE));
  }
  return errors;
}

/** What is wrong with a name that may have a prefix, as those of labels; undefined if nothing is. */
export function qualifiedNameFault(key: string): string | undefined {
  const parts = key.split('/');
  const name = parts.pop() ?? '';
  if (parts.length > 1) {
    const rule = `a valid label key ${QUALIFIED_NAME_RULE.slice('name part '.length)}`;
    return `${rule} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`;
  }
  const prefix = parts[0];
  if (prefix !== undefined && (prefix.length > 253 || !SUBDOMAIN.test(prefix))) {
    return prefix === '' ? 'prefix part must be non-empty' : `prefix part ${SUBDOMAIN_RULE}`;
  }
  if (name === '') return 'name part must be non-empty';
  if (name.length > 63) return 'name part must be no more than 63 bytes';
  return QUALIFIED_NAME.test(name) ? undefined : QUALIFIED_NAME_RULE;
}

/** Whether all keys and values together are within the limit. */
export function annotationsFit(annotations: Record<string, string>): boolean {
  const sizes = Object.entries(annotations)
    .flat()
    .map((text) => Buffer.byteLength(text));
  return sizes.reduce((sum, size) => sum + size, 0) <= MAX_ANNOTATION_BYTES;
}

function validateAnnotations(annotations: Record<string, string>): FieldError[] {
  const field = 'metadata.annotations';
  const errors: FieldError[] = [];
  for (const key of Object.keys(annotations)) {
    const fault = qualifiedNameFault(key.toLowerCase());
    if (fault) errors.push(fieldError.invalid(field, key, fault));
  }
  if (!annotationsFit(annotations)) errors.push(fieldError.tooLong(field, MAX_ANNOTATION_BYTES));
  return errors;
}

function validateOwners({ ownerReferences = [] }: ObjectMeta): FieldError[] {
  const field = 'metadata.ownerReferences';
  const errors: FieldError[] = [];
  for (const owner of ownerReferences) {
    for (const name of ['apiVersion', 'kind', 'name', 'uid'] as const) {
      const what = name === 'apiVersion' ? 'version must' : 'must';
      if (!owner[name]) errors.push(fieldError.invalid(`${field}.${name}`, '', `${what} not be empty`));
    }
  }
  const controllers = ownerReferences.filter((owner) => owner.controller);
  if (controllers.length > 1) {
    const names = controllers.map((owner) => `${owner.kind}/${owner.name}`);
    errors.push(
      fieldError.invalid(
        field,
        names,
        `Only one reference can have Controller set to true. Found "true" in references for ${names.join(' and ')}`,
      ),
    );
  }
  return errors;
}

const STANDARD_FINALIZERS = new Set(['foregroundDeletion', 'orphan', 'kubernetes']);

/** What is allowed and yet unwise. */
export const metadataWarnings = ({ metadata: { finalizers = [] } }: KubeObject): string[] =>
  finalizers
    .filter((one) => !one.includes('/') && !STANDARD_FINALIZERS.has(one))
    .map(
      (one) =>
        `metadata.finalizers: ${JSON.stringify(one)}: prefer a domain-qualified finalizer name ` +
        'to avoid accidental conflicts with other finalizer writers',
    );

function validateFinalizers(finalizers: string[]): FieldError[] {
  const field = 'metadata.finalizers';
  const errors: FieldError[] = [];
  for (const finalizer of finalizers) {
    const fault = qualifiedNameFault(finalizer);
    if (fault) errors.push(fieldError.invalid(field, finalizer, fault));
  }
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    errors.push(
      fieldError.invalid(field, finalizers, 'finalizer orphan and foregroundDeletion cannot be both set'),
    );
  }
  return errors;
}
