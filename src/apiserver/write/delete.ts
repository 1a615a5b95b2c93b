import { encodeFor, readEntry } from '../codec.ts';
import type { ApiContext } from '../context.ts';
import { badRequest, conflict, fieldError, forbidden, invalid, notFound } from '../errors.ts';
import type { ApiError, FieldError } from '../errors.ts';
import { timestamp } from '../../values/time.ts';
import { isObject } from '../object.ts';
import type { KubeObject } from '../object.ts';
import { groupResource } from '../read/get.ts';
import { isNamespace, keyOf } from '../resource.ts';
import type { Resource } from '../resource.ts';
import { ConflictError } from '../../store/index.ts';
import type { Writer } from '../admission/index.ts';
import { admitDeletion } from './admit.ts';
import { decodeBody } from './body.ts';
import { parseDryRun } from './options.ts';
import type { WriteTarget } from './options.ts';
import { isFinished } from './update.ts';

export type PropagationPolicy = 'Orphan' | 'Background' | 'Foreground';

export interface DeleteOptions {
  readonly dryRun: boolean;
  readonly propagationPolicy?: PropagationPolicy;
  readonly preconditions?: { uid?: string; resourceVersion?: string };
  /** The object that is meant: another of that name is as good as none. */
  readonly ofUid?: string;
  /** Undefined for the server's own bookkeeping, which nobody needs to admit. */
  readonly writer?: Writer;
}

/** What a deletion did: gone at once, or marked and waiting for its finalizers. */
export type Deletion =
  | { readonly gone: true; readonly last: KubeObject }
  | { readonly gone: false; readonly object: KubeObject };

const DELETE_OPTIONS = { apiVersion: 'v1', kind: 'DeleteOptions' };
const UNDELETABLE_NAMESPACES = new Set(['default', 'kube-system', 'kube-public']);

/** Options come from the body or, without one, from the query. */
export async function decodeDeleteOptions(
  body: Buffer,
  contentType: string | undefined,
  query: URLSearchParams,
): Promise<DeleteOptions> {
  const dryRun = parseDryRun(query.getAll('dryRun'), 'DeleteOptions');
  if (body.length === 0) {
    return {
      dryRun,
      propagationPolicy: policyOf(query.get('propagationPolicy'), query.get('orphanDependents')),
    };
  }
  const { object } = await decodeBody(body, contentType, DELETE_OPTIONS);
  if (object.kind !== DELETE_OPTIONS.kind) {
    throw badRequest(
      `the body of a deletion must be DeleteOptions, not ${object.apiVersion}, Kind=${object.kind}`,
    );
  }
  const preconditions = isObject(object['preconditions'])
    ? (object['preconditions'] as DeleteOptions['preconditions'])
    : undefined;
  const inBody = Array.isArray(object['dryRun']) ? (object['dryRun'] as string[]) : [];
  return {
    dryRun: dryRun || parseDryRun(inBody, 'DeleteOptions'),
    propagationPolicy: policyOf(
      object['propagationPolicy'] ?? query.get('propagationPolicy'),
      object['orphanDependents'],
    ),
    ...(preconditions && { preconditions }),
  };
}

function policyOf(policy: unknown, orphanDependents: unknown): PropagationPolicy | undefined {
  const given = orphanDependents !== undefined && orphanDependents !== null;
  if (given && policy) {
    const why = 'orphanDependents and deletionPropagation cannot be both set';
    throw invalidOptions(fieldError.invalid('propagationPolicy', policy, why));
  }
  if (policy === 'Orphan' || policy === 'Background' || policy === 'Foreground') return policy;
  if (policy !== undefined && policy !== null && policy !== '') {
    const supported = ['Foreground', 'Background', 'Orphan', 'nil'];
    throw invalidOptions(fieldError.notSupported('propagationPolicy', policy, supported));
  }
  if (orphanDependents === true || orphanDependents === 'true') return 'Orphan';
  return orphanDependents === false || orphanDependents === 'false' ? 'Background' : undefined;
}

const invalidOptions = (fault: FieldError): ApiError =>
  invalid('meta.k8s.io', DELETE_OPTIONS.kind, '', [fault]);

/**
 * Deletes one object; with finalizers it is only marked. Throws 404, 403, 409 for unmet preconditions, and 504 when
 * races with other writes leave no time.
 */
export async function deleteObject(
  context: ApiContext,
  target: WriteTarget,
  options: DeleteOptions,
): Promise<Deletion> {
  const { resource, namespace, name = '' } = target;
  if (isNamespace(resource) && UNDELETABLE_NAMESPACES.has(name)) {
    throw forbidden(`namespaces "${name}" is forbidden: this namespace may not be deleted`, {
      name,
      kind: 'namespaces',
    });
  }
  const key = keyOf(resource, namespace, name);
  for (;;) {
    const entry = context.store.get(key);
    const object = entry && readEntry(entry, resource);
    const { ofUid = object?.metadata.uid } = options;
    if (!object || object.metadata.uid !== ofUid) throw notFound(groupResource(resource), name);
    checkDeletePreconditions(object, target, options);
    await admitDeletion(context, target, object, options);
    options.writer?.gone.throwIfAborted();
    const marked = markDeleted(object, options, resource, context.now());
    const unchanged = marked === object;
    try {
      if (isFinished(marked)) {
        const revision = options.dryRun
          ? entry.revision
          : (await context.store.delete(key, entry.revision)).revision;
        marked.metadata.resourceVersion = String(revision);
        return { gone: true, last: marked };
      }
      if (!options.dryRun && !unchanged) {
        const { revision } = await context.store.update(key, encodeFor(resource, marked), entry.revision);
        marked.metadata.resourceVersion = String(revision);
      }
      return { gone: false, object: marked };
    } catch (error) {
      // Another write came between; look again at what is there now.
      if (!(error instanceof ConflictError)) throw error;
    }
  }
}

function checkDeletePreconditions(
  object: KubeObject,
  { resource, name = '' }: WriteTarget,
  options: DeleteOptions,
): void {
  const { uid, resourceVersion } = options.preconditions ?? {};
  const fail = (what: string, wanted: string, actual: string | undefined, why: string) =>
    conflict(
      { group: resource.group, resource: resource.kind },
      name,
      `the ${what} in the precondition (${wanted}) does not match the ${what} in record (${actual}). The object might have been ${why}`,
    );
  if (uid && uid !== object.metadata.uid)
    throw fail('UID', uid, object.metadata.uid, 'deleted and then recreated');
  if (resourceVersion && resourceVersion !== object.metadata.resourceVersion) {
    throw fail('ResourceVersion', resourceVersion, object.metadata.resourceVersion, 'modified');
  }
}

/** The object with its deletion time and the finalizer that stands for the propagation policy. */
function markDeleted(
  object: KubeObject,
  { propagationPolicy }: DeleteOptions,
  resource: Resource,
  now: Date,
): KubeObject {
  const { custom, rules } = resource;
  const finalizers = policyFinalizers(object.metadata.finalizers ?? [], propagationPolicy);
  const { metadata } = object;
  if (metadata.deletionTimestamp && finalizers.join() === (metadata.finalizers ?? []).join()) return object;
  const marked: KubeObject = { ...object, metadata: { ...metadata, finalizers } };
  if (finalizers.length === 0) delete marked.metadata.finalizers;
  if (!metadata.deletionTimestamp) {
    marked.metadata.deletionTimestamp = timestamp(now);
    // A namespace has no grace to speak of: its deletion takes as long as that of its content.
    if (!isNamespace(resource)) marked.metadata.deletionGracePeriodSeconds = 0;
    if (custom) marked.metadata.generation = (metadata.generation ?? 0) + 1;
    if (isNamespace(resource)) marked.status = { ...object.status, phase: 'Terminating' };
    rules?.markDeleted?.(marked, now);
  }
  return marked;
}

function policyFinalizers(finalizers: string[], policy: PropagationPolicy | undefined): string[] {
  if (policy === undefined) return finalizers;
  const others = finalizers.filter((one) => one !== 'orphan' && one !== 'foregroundDeletion');
  if (policy === 'Background') return others;
  return [...others, policy === 'Orphan' ? 'orphan' : 'foregroundDeletion'];
}
