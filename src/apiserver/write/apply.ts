/** Server-side apply: https://kubernetes.io/docs/reference/using-api/server-side-apply/. */
import { ApplyConflicts } from '../apply/apply.ts';
import type { Applied } from '../apply/apply.ts';
import { TypeFault } from '../apply/check.ts';
import { applyFromClient } from '../apply/last-applied.ts';
import { encodeManagers } from '../apply/managers.ts';
import type { Manager } from '../apply/managers.ts';
import type { ApiContext } from '../context.ts';
import {
  ApiError,
  WebhookRefusal,
  applyConflict,
  badRequest,
  conflict,
  modified,
  notFound,
} from '../errors.ts';
import { timestamp } from '../../values/time.ts';
import { copyJson } from '../../values/copy.ts';
import type { KubeObject } from '../object.ts';
import { groupResource } from '../read/get.ts';
import { keyOf } from '../resource.ts';
import type { Resource } from '../resource.ts';
import { JSON_TYPE, YAML_TYPE } from '../media-types.ts';
import { decodeBody } from './body.ts';
import type { DecodedBody } from './body.ts';
import { createManaged } from './create.ts';
import { authorOf, decodeStored, typesOf, withoutBookkeeping } from './managed-fields.ts';
import type { ApplyOptions, WriteTarget } from './options.ts';
import { updateObject } from './update.ts';

/** A configuration comes as YAML or as JSON, under the same content type. Throws 400 for neither. */
export async function decodeConfiguration(body: Buffer): Promise<DecodedBody> {
  try {
    return await decodeBody(body, JSON_TYPE);
  } catch {
    return decodeBody(body, YAML_TYPE);
  }
}

/**
 * Applies a configuration and returns the object as stored, which is created if there is none. Throws 409 for
 * fields that others manage, unless forced, and for a resourceVersion or UID that is not the object's.
 */
export async function applyObject(
  context: ApiContext,
  target: WriteTarget,
  configuration: DecodedBody,
  options: ApplyOptions,
): Promise<{ object: KubeObject; created: boolean }> {
  const { resource, namespace, name = '' } = target;
  checkConfiguration(configuration.object, resource);
  const key = keyOf(resource, namespace, name);
  for (;;) {
    options.writer?.gone.throwIfAborted();
    const found = context.store.get(key);
    try {
      const write = found ? applyToPresent : applyToNothing;
      return { object: await write(context, target, configuration, options), created: !found };
    } catch (error) {
      // Another write created or deleted it in between, or something else is missing: a role that it binds, for one.
      if (error instanceof WebhookRefusal) throw error;
      if (!(error instanceof ApiError && error.reason === (found ? 'NotFound' : 'AlreadyExists')))
        throw error;
      if (context.store.get(key)?.revision === found?.revision) throw error;
    }
  }
}

function checkConfiguration({ apiVersion, kind, metadata }: KubeObject, resource: Resource): void {
  if (apiVersion !== resource.apiVersion || kind !== resource.kind) {
    throw badRequest(`invalid object type: ${gvk({ apiVersion, kind })}`);
  }
  if (metadata.managedFields !== undefined && metadata.managedFields !== null) {
    throw badRequest('metadata.managedFields must be nil');
  }
}

function applyToPresent(
  context: ApiContext,
  target: WriteTarget,
  { object: config, duplicates }: DecodedBody,
  options: ApplyOptions,
): Promise<KubeObject> {
  const apply = (present: KubeObject) => applied(context, target, { live: present, config }, options);
  return updateObject(context, target, { verb: 'apply', apply, duplicates }, options);
}

async function applyToNothing(
  context: ApiContext,
  target: WriteTarget,
  { object: config, duplicates }: DecodedBody,
  options: ApplyOptions,
): Promise<KubeObject> {
  const { resource, name = '', subresource } = target;
  const { uid, resourceVersion } = config.metadata;
  const of = groupResource(resource);
  options.requireCreate();
  if (subresource !== undefined) throw notFound(of, name);
  if (uid) {
    const why = `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;
    throw conflict(of, name, why);
  }
  if (resourceVersion) throw modified(of, name);
  const live = { apiVersion: resource.apiVersion, kind: resource.kind, metadata: {} };
  const object = applied(context, target, { live, config }, options);
  const { managedFields } = object.metadata;
  delete object.metadata.managedFields;
  return createManaged(context, target, { object, duplicates }, options, () => managedFields);
}

/** The object that the configuration makes of the live one; a private copy, with its new managedFields. */
function applied(
  context: ApiContext,
  target: WriteTarget,
  { live, config }: { live: KubeObject; config: KubeObject },
  { fieldManager, force }: ApplyOptions,
): KubeObject {
  const { resourceVersion } = live.metadata;
  const { object, managers } = translated(config, () =>
    applyFromClient({
      live: withoutBookkeeping(live),
      config,
      managers: decodeStored(live.metadata.managedFields),
      typeOf: typesOf(context, target.resource),
      author: authorOf(target, fieldManager),
      force,
      now: timestamp(context.now()),
    }),
  );
  const next = copyJson(object) as KubeObject;
  next.metadata = { ...(resourceVersion && { resourceVersion }), ...next.metadata };
  next.metadata.managedFields = encodeManagers(managers);
  return next;
}

/** Runs an apply and words its failures as Kubernetes does. */
function translated({ metadata, ...config }: KubeObject, apply: () => Applied): Applied {
  try {
    return apply();
  } catch (error) {
    if (error instanceof ApplyConflicts) throw conflictError(error);
    if (error instanceof TypeFault) {
      const { name = '', namespace = '' } = metadata;
      const object = `${namespace}/${name}; ${gvk(config)}`;
      throw new ApiError(500, '', `failed to create typed patch object (${object}): ${error.message}`);
    }
    throw error;
  }
}

function gvk({ apiVersion, kind }: Pick<KubeObject, 'apiVersion' | 'kind'>): string {
  const [version = '', group = ''] = apiVersion.split('/').reverse();
  return `${group}/${version}, Kind=${kind}`;
}

function conflictError({ conflicts }: ApplyConflicts): ApiError {
  const causes = conflicts.map((one) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${shown(one.with)}`,
    field: one.field,
  }));
  const [first, ...others] = causes;
  if (first && others.length === 0) {
    return applyConflict(`Apply failed with 1 conflict: ${first.message}: ${first.field}`, causes);
  }
  const lines = [...Map.groupBy(causes, ({ message }) => message)].flatMap(([message, group]) => [
    `${message.replace('conflict', 'conflicts')}:`,
    ...group.map(({ field }) => `- ${field}`),
  ]);
  return applyConflict(`Apply failed with ${causes.length} conflicts: ${lines.join('\n')}`, causes);
}

function shown({ manager, operation, apiVersion, subresource }: Manager): string {
  const name = JSON.stringify(manager) + (subresource && ` with subresource ${JSON.stringify(subresource)}`);
  return operation === 'Update' ? `${name} using ${apiVersion}` : name;
}
