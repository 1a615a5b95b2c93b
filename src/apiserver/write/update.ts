import { encodeFor, readEntry } from '../codec.ts';
import type { ApiContext } from '../context.ts';
import { fitStorage } from '../crd/convert.ts';
import { modified, notFound } from '../errors.ts';
import { isObject } from '../object.ts';
import { equalJson } from '../../values/equal.ts';
import { copyJson } from '../../values/copy.ts';
import type { KubeObject } from '../object.ts';
import { groupResource } from '../read/get.ts';
import { keyOf } from '../resource.ts';
import type { Resource } from '../resource.ts';
import { metadataWarnings } from '../schema/metadata.ts';
import { prune } from '../schema/prune.ts';
import type { Entry } from '../../store/index.ts';
import { ConflictError } from '../../store/index.ts';
import { mutatedObject, requireRights, validateAdmission } from './admit.ts';
import type { WriteOptions, WriteTarget } from './options.ts';
import { checkFields, setDefaults } from './fields.ts';
import { checkIdentity, checkPreconditions } from './identity.ts';
import { appliedFields, setManagedFields, trackedFields } from './managed-fields.ts';
import { prepareForUpdate } from './prepare.ts';
import { validate } from './validate.ts';

/** Makes the wanted object from the present one (a private copy). */
export interface Change {
  /** What `apply` makes of an object also says who manages what; for the other verbs that follows from the change. */
  readonly verb: 'update' | 'patch' | 'apply';
  /** May run again when another write came between. */
  readonly apply: (present: KubeObject) => KubeObject | Promise<KubeObject>;
  readonly duplicates?: readonly string[];
}

/**
 * Changes an object and returns it as stored. A change that changes nothing writes nothing. One that lost a
 * race is made again, unless the client named a version: every round some write succeeds, so all come
 * through, or run out of time: then it throws 504.
 */
export async function updateObject(
  context: ApiContext,
  target: WriteTarget,
  change: Change,
  options: WriteOptions,
): Promise<KubeObject> {
  const { resource, namespace, name = '' } = target;
  const key = keyOf(resource, namespace, name);
  for (let attempt = 1; ; attempt++) {
    const entry = context.store.get(key);
    if (!entry) throw notFound(groupResource(resource), name);
    const old = broughtUpToDate(readEntry(entry, resource), resource);
    const wanted = await change.apply(copyJson(old));
    const pinned = change.verb === 'update' && Boolean(wanted.metadata.resourceVersion);
    const next = await prepared(context, wanted, old, target, change, {
      ...options,
      warnings: attempt === 1 ? options.warnings : [],
    });
    options.writer?.gone.throwIfAborted();
    try {
      return await persist(context, resource, entry, old, next, options);
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      if (!error.current) throw notFound(groupResource(resource), name);
      if (pinned) throw modified(groupResource(resource), name);
    }
  }
}

/** As the present schema has it: what it dropped since is no doing of this write. */
function broughtUpToDate(object: KubeObject, resource: Resource): KubeObject {
  if (resource.custom) prune(object, resource.schema);
  return object;
}

async function prepared(
  context: ApiContext,
  wanted: KubeObject,
  old: KubeObject,
  target: WriteTarget,
  change: Change,
  options: WriteOptions,
): Promise<KubeObject> {
  checkIdentity(wanted, target, change.verb);
  checkPreconditions(wanted, old, target.resource, change.verb);
  checkFields(wanted, target.resource, options, change);
  // Before the generation is decided: leaving out a default changes nothing.
  setDefaults(wanted, target.resource, change.verb === 'apply' ? 'kept' : 'dropped');
  if (target.resource.custom) options.warnings.push(...metadataWarnings(wanted));
  const given = wanted.metadata.managedFields;
  const next = prepareForUpdate(wanted, old, target);
  setManagedFields(
    next,
    change.verb === 'apply'
      ? appliedFields({ next, old, given })
      : trackedFields(context, target, options, { next, old, given }),
  );
  const final = await mutated(context, target, { next, old }, options);
  validate(final, old, target);
  requireRights(target, { next: final, old }, options);
  await validateAdmission(context, target, { next: final, old }, options);
  return final;
}

/** What webhooks made of an object is seen to as if a user had sent it. */
async function mutated(
  context: ApiContext,
  target: WriteTarget,
  { next, old }: { next: KubeObject; old: KubeObject },
  options: WriteOptions,
): Promise<KubeObject> {
  const mutated = await mutatedObject(context, target, { next, old }, options);
  if (mutated === next) return next;
  checkIdentity(mutated, target, 'update');
  checkFields(mutated, target.resource, { ...options, fieldValidation: 'Ignore' }, {});
  setDefaults(mutated, target.resource);
  const prepared = prepareForUpdate(mutated, old, target);
  setManagedFields(prepared, next.metadata.managedFields);
  return prepared;
}

async function persist(
  { store }: ApiContext,
  resource: Resource,
  entry: Entry,
  old: KubeObject,
  next: KubeObject,
  { dryRun }: WriteOptions,
): Promise<KubeObject> {
  fitStorage(next, resource);
  next.metadata.resourceVersion = old.metadata.resourceVersion ?? '';
  // A version that is no longer the one to store is replaced even if nothing else changes: how data migrates.
  const unchanged = equalJson(next, old) && storedVersion(entry, resource) === resource.storedAs;
  if (dryRun || (unchanged && !isFinished(next))) return next;
  const { key } = entry;
  if (isFinished(next)) {
    await store.delete(key, entry.revision);
    return next;
  }
  const { revision } = await store.update(key, encodeFor(resource, next), entry.revision);
  next.metadata.resourceVersion = String(revision);
  return next;
}

const storedVersion = ({ value }: Entry, { custom, storedAs }: Resource): string =>
  custom ? (JSON.parse(value) as KubeObject).apiVersion : storedAs;

/** A deleting object goes once nobody holds it; a namespace also has finalizers in its spec. */
export function isFinished({ metadata, spec, kind, apiVersion }: KubeObject): boolean {
  if (!metadata.deletionTimestamp || metadata.finalizers?.length) return false;
  const held = kind === 'Namespace' && apiVersion === 'v1' && isObject(spec) ? spec['finalizers'] : undefined;
  return !(Array.isArray(held) && held.length > 0);
}
