/** The steps that an object goes through before it is stored, by name and in order. */
import { ApiError, badRequest, conflict, fieldError, forbidden, invalid } from '../errors.ts';
import type { FieldError } from '../errors.ts';
import { isObject, sameJson, timestamp } from '../object.ts';
import type { KubeObject } from '../object.ts';
import type { Resource } from '../resource.ts';
import { groupResource } from '../read/get.ts';
import { applyDefaults, dropNulls } from '../schema/default.ts';
import { sanitizeMetadata, validateMetadata } from '../schema/metadata.ts';
import { prune } from '../schema/prune.ts';
import { validateRules } from '../schema/rules.ts';
import { validateSchema } from '../schema/validate.ts';
import type { WriteOptions, WriteTarget } from './options.ts';

/** The object must be what the URL says it is. Fills in the namespace and name that only the URL has. */
export function checkIdentity(object: KubeObject, target: WriteTarget, verb: 'create' | 'update'): void {
  const { resource, namespace, name } = target;
  if (object.apiVersion !== resource.apiVersion || object.kind !== resource.kind) {
    throw badRequest(
      `the object provided is unrecognized: expected ${resource.apiVersion}, Kind=${resource.kind}, got ` +
        `${object.apiVersion}, Kind=${object.kind}`,
    );
  }
  const { metadata } = object;
  if (resource.namespaced) {
    metadata.namespace ||= namespace;
    if (metadata.namespace !== namespace) {
      throw badRequest(
        'the namespace of the provided object does not match the namespace sent on the request',
      );
    }
  } else if (metadata.namespace) {
    if (verb === 'create') {
      throw badRequest('namespace is not allowed on a cluster-scoped object: remove metadata.namespace');
    }
    delete metadata.namespace;
  }
  if (name === undefined) return;
  metadata.name ||= name;
  if (metadata.name !== name) {
    throw badRequest(
      `the name of the object (${metadata.name}) does not match the name on the URL (${name})`,
    );
  }
}

/** Removes fields that the schema does not know: an error, a warning or silence, as the client asked. */
export function checkFields(
  object: KubeObject,
  resource: Resource,
  options: WriteOptions,
  duplicates: readonly string[] = [],
): void {
  const { wrong, unknown: inMetadata } = sanitizeMetadata(object.metadata as Record<string, unknown>);
  if (wrong)
    throw badRequest(
      `${resource.kind} in version "${resource.version}" cannot be handled: ${wrong} has the wrong type`,
    );
  const unknown = [...inMetadata, ...prune(object, resource.schema)];
  if (options.fieldValidation === 'Ignore') return;
  const problems = [
    ...duplicates.map((path) => `duplicate field "${path}"`),
    ...unknown.map((path) => `unknown field "${path}"`),
  ];
  if (problems.length === 0) return;
  if (options.fieldValidation === 'Warn') {
    options.warnings.push(...problems);
    return;
  }
  throw badRequest(
    `${resource.kind} in version "${resource.version}" cannot be handled as a ${resource.kind}: ` +
      `strict decoding error: ${problems.join(', ')}`,
  );
}

export function setDefaults(object: KubeObject, resource: Resource): void {
  dropNulls(object, resource.schema);
  applyDefaults(object, resource.schema);
}

/** System fields of a new object; the client's values for them do not count. */
export function prepareForCreate(object: KubeObject, resource: Resource, now: Date): void {
  const { metadata } = object;
  if (metadata.resourceVersion) {
    throw badRequest('resourceVersion should not be set on objects to be created');
  }
  for (const field of [
    'resourceVersion',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'selfLink',
    'managedFields',
  ] as const) {
    delete metadata[field];
  }
  metadata.uid = crypto.randomUUID();
  metadata.creationTimestamp = timestamp(now);
  if (resource.statusSubresource) delete object.status;
  if (resource.custom) metadata.generation = 1;
  else delete metadata.generation;
  resource.rules?.prepare?.(object, undefined);
}

/** Keeps what this write may not change: the system fields, and status or all but status. */
export function prepareForUpdate(next: KubeObject, old: KubeObject, target: WriteTarget): KubeObject {
  const { resource, subresource } = target;
  const kept = keepSystemMetadata(next, old);
  if (subresource === 'finalize') return { ...structuredClone(old), ...pick(kept, 'spec') };
  if (subresource === 'status') return { ...structuredClone(old), ...pick(kept, 'status') };
  if (resource.statusSubresource) {
    delete kept.status;
    Object.assign(kept, structuredClone(pick(old, 'status')));
  }
  resource.rules?.prepare?.(kept, old);
  if (resource.custom && !sameJson(desired(kept, resource), desired(old, resource))) {
    kept.metadata.generation = (old.metadata.generation ?? 0) + 1;
  }
  return kept;
}

const pick = (object: KubeObject, field: string): Partial<KubeObject> =>
  object[field] === undefined ? {} : { [field]: object[field] };

function keepSystemMetadata(next: KubeObject, old: KubeObject): KubeObject {
  const { uid, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds, generation } = old.metadata;
  const { managedFields: _, selfLink: __, ...metadata } = next.metadata;
  return {
    ...next,
    metadata: dropUndefined({
      ...metadata,
      uid,
      creationTimestamp,
      deletionTimestamp,
      deletionGracePeriodSeconds,
      generation,
    }),
  };
}

function dropUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as T;
}

/** What generation counts changes of. */
function desired(object: KubeObject, { statusSubresource }: Resource): object {
  const { metadata: _, status, ...rest } = object;
  return statusSubresource ? rest : { ...rest, status };
}

/** Every rule of the kind; throws 422 with all faults. */
export function validate(object: KubeObject, old: KubeObject | undefined, target: WriteTarget): void {
  const { resource } = target;
  const nameRule = resource.kind === 'Namespace' ? 'label' : 'subdomain';
  const errors: FieldError[] = [
    ...validateMetadata(object, resource.namespaced, nameRule),
    ...(old ? newFinalizers(object, old) : []),
  ];
  const schemaErrors = validateSchema(object, withoutMetadata(resource));
  if (schemaErrors.length > 0 && !resource.custom) throw undecodable(resource, schemaErrors);
  errors.push(...schemaErrors);
  if (schemaErrors.some(isBlocking)) errors.push(UNCHECKED);
  else
    errors.push(
      ...validateRules(object, old, resource.schema),
      ...(resource.rules?.validate?.(object, old) ?? []),
    );
  if (errors.length > 0) throw invalid(resource.group, resource.kind, object.metadata.name ?? '', errors);
}

/** After these a rule could not be evaluated sensibly; as in a real API server, the client hears so. */
const isBlocking = ({ reason }: FieldError): boolean =>
  reason !== 'FieldValueInvalid' && reason !== 'FieldValueDuplicate';

const UNCHECKED = fieldError.invalid(
  '<nil>',
  'null',
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

/** The version and UID that the client saw must still be the object's. */
export function checkPreconditions(
  next: KubeObject,
  old: KubeObject,
  resource: Resource,
  verb: 'update' | 'patch',
): void {
  const { name = '', resourceVersion, uid } = next.metadata;
  const of = groupResource(resource);
  if (uid && uid !== old.metadata.uid) {
    throw conflict(
      of,
      name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`,
    );
  }
  if (resourceVersion && resourceVersion !== '0') {
    if (resourceVersion !== old.metadata.resourceVersion) {
      throw conflict(
        of,
        name,
        'the object has been modified; please apply your changes to the latest version and try again',
      );
    }
  } else if (verb === 'update' && !resource.unconditionalUpdate) {
    throw invalid(resource.group, resource.kind, name, [
      fieldError.invalid('metadata.resourceVersion', 0, 'must be specified for an update'),
    ]);
  }
}

/** Nothing new comes into a namespace that is missing (404) or being deleted (403). */
export function checkNamespace(
  resource: Resource,
  object: KubeObject,
  find: (name: string) => KubeObject | undefined,
): void {
  const { namespace } = object.metadata;
  if (!resource.namespaced || !namespace) return;
  const found = find(namespace);
  if (!found) {
    throw new ApiError(404, 'NotFound', `namespaces "${namespace}" not found`, {
      name: namespace,
      kind: 'namespaces',
    });
  }
  if (!found.metadata.deletionTimestamp) return;
  const { group, plural } = resource;
  const name = object.metadata.name ?? '';
  throw forbidden(
    `${group ? `${plural}.${group}` : plural} "${name}" is forbidden: unable to create new content in namespace ` +
      `${namespace} because it is being terminated`,
    {
      name,
      ...(group && { group }),
      kind: plural,
      causes: [
        {
          reason: 'NamespaceTerminating',
          message: `namespace ${namespace} is being terminated`,
          field: 'metadata.namespace',
        },
      ],
    },
  );
}

/** A name for `generateName`: its prefix, cut to leave room, and five characters without vowels. */
export function generateName(object: KubeObject): void {
  const { metadata } = object;
  if (metadata.name || !metadata.generateName) return;
  const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
  const random = crypto.getRandomValues(new Uint8Array(5));
  const suffix = [...random].map((byte) => alphabet[byte % alphabet.length]).join('');
  metadata.name = metadata.generateName.slice(0, 58) + suffix;
}

export const isApiObject = (value: unknown): value is KubeObject =>
  isObject(value) && isObject(value['metadata']);
