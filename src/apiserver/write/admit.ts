/** Where writes meet admission. The server's own bookkeeping has no writer, and nobody needs to admit it. */
import type { AdmissionOperation, AdmissionRequest, Writer } from '../admission/index.ts';
import { isNamespace } from '../resource.ts';
import type { ApiContext } from '../context.ts';
import { applyScale, scaleOf } from '../crd/scale.ts';
import { copyJson } from '../../values/copy.ts';
import type { JsonObject, KubeObject } from '../object.ts';
import type { DeleteOptions } from './delete.ts';
import type { WriteOptions, WriteTarget } from './options.ts';

interface Written {
  readonly next: KubeObject;
  readonly old: KubeObject | undefined;
}

/** Throws 403 when whoever writes may not write just this object. */
export function requireRights(
  { resource }: WriteTarget,
  { next, old }: Written,
  { writer }: WriteOptions,
): void {
  if (writer) resource.rules?.admit?.(next, old, writer.user);
}

/** The object as mutating webhooks made it; the very same one if there was nothing to change. */
export async function mutatedObject(
  { admission }: ApiContext,
  target: WriteTarget,
  written: Written,
  options: WriteOptions,
): Promise<KubeObject> {
  const request = writeRequest(target, written, options);
  if (!request) return written.next;
  const mutated = await admission.mutate(request);
  if (!mutated || mutated === request.object) return written.next;
  const { scale } = target.resource;
  if (target.subresource !== 'scale' || !scale) return mutated;
  return applyScale(copyJson(written.next), mutated, scale);
}

/** Throws the refusals of policies and webhooks. */
export async function validateAdmission(
  { admission }: ApiContext,
  target: WriteTarget,
  written: Written,
  options: WriteOptions,
): Promise<void> {
  const request = writeRequest(target, written, options);
  if (request) await admission.validate(request);
}

/** To be called in the turn of the commit; throws 403 when a quota is used up. */
export function quotaCheck(
  { admission }: ApiContext,
  target: WriteTarget,
  next: KubeObject,
  options: WriteOptions,
): () => void {
  const request = writeRequest(target, { next, old: undefined }, options);
  return () => {
    if (request) admission.checkQuotas(request);
  };
}

/** Throws the refusals of webhooks and policies to let an object go. */
export async function admitDeletion(
  { admission }: ApiContext,
  target: WriteTarget,
  old: KubeObject,
  { writer, dryRun, propagationPolicy, preconditions }: DeleteOptions,
): Promise<void> {
  if (!writer) return;
  const options = {
    kind: 'DeleteOptions',
    apiVersion: 'meta.k8s.io/v1',
    ...(propagationPolicy && { propagationPolicy }),
    ...(preconditions && { preconditions: { ...preconditions } }),
    ...(dryRun && { dryRun: ['All'] }),
  };
  const request = requestFor('DELETE', target, { object: undefined, old }, { writer, dryRun, options });
  await admission.mutate(request);
  await admission.validate(request);
}

function writeRequest(
  target: WriteTarget,
  { next, old }: Written,
  { writer, dryRun, given }: WriteOptions,
): AdmissionRequest | undefined {
  if (!writer) return undefined;
  const options = {
    kind: old ? 'UpdateOptions' : 'CreateOptions',
    apiVersion: 'meta.k8s.io/v1',
    ...(dryRun && { dryRun: ['All'] }),
    ...given,
  };
  const shown = { object: view(next, target), old: old && view(old, target) };
  return requestFor(old ? 'UPDATE' : 'CREATE', target, shown, { writer, dryRun, options });
}

/** What a subresource shows of an object, where that is an object of its own. */
function view(object: KubeObject, { subresource, resource: { scale } }: WriteTarget): KubeObject {
  return subresource === 'scale' && scale ? scaleOf(object, scale, 0) : object;
}

function requestFor(
  operation: AdmissionOperation,
  { resource, namespace, name, subresource }: WriteTarget,
  { object, old }: Pick<AdmissionRequest, 'object' | 'old'>,
  { writer, dryRun, options }: { writer: Writer; dryRun: boolean; options: JsonObject },
): AdmissionRequest {
  const called = name ?? object?.metadata.name ?? '';
  return {
    operation,
    resource,
    subresource,
    namespace: isNamespace(resource) ? called : namespace,
    name: called,
    object,
    old,
    writer,
    dryRun,
    options,
  };
}
