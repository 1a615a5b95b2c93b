/** Keeps `metadata.managedFields` true to every write. */
import { sameManagers } from '../apply/apply.ts';
import { fieldSet, only, recursiveDifference } from '../apply/field-set.ts';
import type { FieldSet } from '../apply/field-set.ts';
import { NO_MANAGERS, decodeManagers, encodeManagers } from '../apply/managers.ts';
import type { Managers } from '../apply/managers.ts';
import { trackRemovals, trackUpdate } from '../apply/ownership.ts';
import type { Author, TypeOfVersion } from '../apply/ownership.ts';
import { typeOfKind } from '../apply/types.ts';
import type { ApiContext } from '../context.ts';
import { asScaled } from '../crd/scale.ts';
import { timestamp } from '../../values/time.ts';
import { equalJson } from '../../values/equal.ts';
import type { Json, KubeObject } from '../object.ts';
import { isNamespace } from '../resource.ts';
import type { Resource } from '../resource.ts';
import type { WriteOptions, WriteTarget } from './options.ts';

/** A write about to be stored; `given` is what the client says of the managers, if it may. */
interface Written {
  readonly next: KubeObject;
  readonly old: KubeObject | undefined;
  readonly given: Json[] | undefined;
}

/** The managedFields after a create, update or patch. Objects that nobody kept track of stay so. */
export function trackedFields(
  context: ApiContext,
  target: WriteTarget,
  { fieldManager }: WriteOptions,
  { next, old, given }: Written,
): Json[] | undefined {
  const kept = old?.metadata.managedFields;
  const claimed = target.subresource === undefined ? given : undefined;
  const managers = managersBefore(claimed, kept);
  if (old && managers.size === 0) return undefined;
  const { apiVersion, kind } = next;
  const begun = target.resource.always && { apiVersion, kind, metadata: {}, ...target.resource.always };
  const from = old ?? begun;
  const seen = seenBy(target);
  const tracked = trackUpdate({
    old: from && seen(withoutBookkeeping(from)),
    next: seen(withoutBookkeeping(next)),
    managers,
    typeOf: typesOf(context, target.resource),
    author: authorOf(target, fieldManager),
    now: timestamp(context.now()),
  });
  const unchanged = tracked === managers && (claimed === undefined || equalJson(claimed, kept));
  return unchanged ? kept : encodeManagers(tracked);
}

/** What of an object a request to this target can see. */
function seenBy({ resource: { scale }, subresource }: WriteTarget): (object: KubeObject) => KubeObject {
  return scale && subresource === 'scale' ? (object) => asScaled(object, scale) : (object) => object;
}

/** The managedFields after a write of the server itself, which must not come to own what its users manage. */
export function fieldsAfterSystem(
  context: Pick<ApiContext, 'registry'>,
  old: KubeObject,
  next: KubeObject,
): Json[] | undefined {
  const kept = old.metadata.managedFields;
  const resource = context.registry.findKind(old.apiVersion, old.kind);
  if (!kept || !resource) return kept;
  const left = trackRemovals({
    old: withoutBookkeeping(old),
    next: withoutBookkeeping(next),
    managers: decodeStored(kept),
    typeOf: typesOf(context, resource),
  });
  return encodeManagers(left);
}

/** The managedFields after an apply, with the old times when it changed nothing else. */
export function appliedFields({ next, old, given = [] }: Written): Json[] | undefined {
  const kept = old?.metadata.managedFields;
  const unchanged = old !== undefined && equalJson(withoutBookkeeping(next), withoutBookkeeping(old));
  return unchanged && kept && sameManagers(decodeManagers(given), decodeStored(kept)) ? kept : given;
}

export function setManagedFields({ metadata }: KubeObject, managedFields: Json[] | undefined): void {
  if (managedFields && managedFields.length > 0) metadata.managedFields = managedFields;
  else delete metadata.managedFields;
}

/**
 * Clients may rewrite managedFields; a list of one empty entry resets them. What cannot be read, is empty, or is
 * left out, counts as not said: the client may not know of the field.
 */
function managersBefore(claimed: Json[] | undefined, kept: Json[] | undefined): Managers {
  if (claimed) {
    if (claimed.length === 1 && equalJson(claimed[0], {})) return NO_MANAGERS;
    const managers = decodeStored(claimed);
    if (managers.size > 0) return managers;
  }
  return decodeStored(kept);
}

/** What an object says of its managers; nothing if that is broken. */
export function decodeStored(managedFields: Json[] | undefined): Managers {
  try {
    return managedFields ? decodeManagers(managedFields) : NO_MANAGERS;
  } catch {
    return NO_MANAGERS;
  }
}

/** What a change of an object is looked for in. */
export function withoutBookkeeping(object: KubeObject): KubeObject {
  const { managedFields: _, resourceVersion: __, ...metadata } = object.metadata;
  return { ...object, metadata };
}

export const typesOf =
  ({ registry }: Pick<ApiContext, 'registry'>, resource: Resource): TypeOfVersion =>
  (version) => {
    const found = version === resource.apiVersion ? resource : registry.findKind(version, resource.kind);
    return found && typeOfKind(found.schema);
  };

export const authorOf = (target: WriteTarget, manager: string): Author => ({
  manager,
  apiVersion: target.resource.apiVersion,
  subresource: target.subresource ?? '',
  ownable: (fields) => ownable(fields, target),
});

const STATUS = fieldSet([['f:status']]);
const SPEC = fieldSet([['f:spec']]);

/** What a request cannot change, it does not own: see prepareForUpdate. */
function ownable(fields: FieldSet, { resource, subresource }: WriteTarget): FieldSet {
  if (subresource === 'status') return only(fields, 'f:status');
  if (subresource === 'finalize') return only(fields, 'f:spec');
  const withoutSpec = isNamespace(resource) ? recursiveDifference(fields, SPEC) : fields;
  return resource.statusSubresource ? recursiveDifference(withoutSpec, STATUS) : withoutSpec;
}
