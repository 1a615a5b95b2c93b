/** Whether an object is the one that the request is about, and may be where it is to be. */
import { ApiError, badRequest, conflict, fieldError, forbidden, invalid, modified } from '../errors.ts';
import { isObject } from '../object.ts';
import type { KubeObject } from '../object.ts';
import { groupResource } from '../read/get.ts';
import type { Resource } from '../resource.ts';
import type { WriteTarget } from './options.ts';

/** The object must be what the URL says it is. Fills in the namespace and name that only the URL has. */
export function checkIdentity(
  object: KubeObject,
  target: WriteTarget,
  verb: 'create' | 'update' | 'patch' | 'apply',
): void {
  const { resource, namespace, name } = target;
  if (!isObject(object.metadata as unknown)) throw badRequest('metadata must be an object');
  if (object.kind !== resource.kind && verb === 'patch') {
    throw invalid(resource.group, object.kind, name ?? '', [
      fieldError.invalid('kind', object.kind, `must be ${resource.kind}`),
    ]);
  }
  if (object.apiVersion !== resource.apiVersion && object.kind === resource.kind) {
    throw badRequest(
      `the API version in the data (${object.apiVersion}) does not match the expected API version (${resource.apiVersion})`,
    );
  }
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
  if (verb === 'create') metadata.name ||= name;
  if (!metadata.name) {
    throw badRequest('the name of the object (one based on URL) was undeterminable: name must be provided');
  }
  if (metadata.name !== name) {
    throw badRequest(
      `the name of the object (${metadata.name}) does not match the name on the URL (${name})`,
    );
  }
}

/** The version and UID that the client saw must still be the object's. */
export function checkPreconditions(
  next: KubeObject,
  old: KubeObject,
  resource: Resource,
  verb: 'update' | 'patch' | 'apply',
): void {
  const { name = '', resourceVersion, uid } = next.metadata;
  const of = groupResource(resource);
  if (uid && uid !== old.metadata.uid && verb !== 'update') {
    throw invalid(resource.group, resource.kind, name, [
      fieldError.invalid('metadata.uid', uid, 'field is immutable'),
    ]);
  }
  if (uid && uid !== old.metadata.uid) {
    throw conflict(
      of,
      name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`,
    );
  }
  if (resourceVersion && resourceVersion !== '0') {
    if (resourceVersion !== old.metadata.resourceVersion) {
      throw modified(of, name);
    }
  } else if (verb === 'update' && !resource.unconditionalUpdate) {
    throw invalid(resource.group, resource.plural, name, [
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
