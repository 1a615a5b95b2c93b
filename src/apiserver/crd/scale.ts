/** The `scale` subresource: an `autoscaling/v1` Scale over two or three fields of a custom object. */
import { ageColumn, computedColumn, nameColumn } from '../columns.ts';
import { ApiError, badRequest, fieldError, internalError, invalid } from '../errors.ts';
import { isObject } from '../object.ts';
import type { JsonObject, KubeObject } from '../object.ts';
import type { Resource, ScalePaths } from '../resource.ts';

export const SCALE = { group: 'autoscaling', version: 'v1', kind: 'Scale' } as const;

/** What tables and answers need to know of Scales. */
export const scaleView: Pick<Resource, 'columns' | 'apiVersion' | 'listKind'> = {
  apiVersion: 'autoscaling/v1',
  listKind: 'ScaleList',
  columns: [
    nameColumn,
    computedColumn('Desired', (scale) => scale.spec?.['replicas'], { type: 'integer' }),
    computedColumn('Available', (scale) => scale.status?.['replicas'], { type: 'integer' }),
    ageColumn,
  ],
};

/** The Scale of an object. Throws when nothing says how many replicas are wanted, not even `otherwise`. */
export function scaleOf(object: KubeObject, paths: ScalePaths, otherwise?: number): KubeObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const wanted = at(object, paths.specReplicasPath) ?? otherwise;
  if (typeof wanted !== 'number') {
    throw internalError(`the spec replicas field "${paths.specReplicasPath}" does not exist`);
  }
  const present = at(object, paths.statusReplicasPath);
  const selector = paths.labelSelectorPath && at(object, paths.labelSelectorPath);
  return {
    kind: SCALE.kind,
    apiVersion: scaleView.apiVersion,
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      uid,
      resourceVersion,
      creationTimestamp,
    } as KubeObject['metadata'],
    spec: { replicas: wanted },
    status: {
      replicas: typeof present === 'number' ? present : 0,
      ...(typeof selector === 'string' && { selector }),
    },
  };
}

/**
 * The object with the replicas of a Scale, in place; a resourceVersion in the Scale is a precondition. Throws 400 for
 * what is no Scale of this object, and 422 for a number that makes no sense.
 */
export function applyScale(object: KubeObject, scale: KubeObject, paths: ScalePaths): KubeObject {
  const { name = '' } = object.metadata;
  if (scale.kind !== SCALE.kind || scale.apiVersion !== scaleView.apiVersion) {
    throw badRequest(
      `the object provided is unrecognized: expected autoscaling/v1, Kind=Scale, got ${scale.apiVersion}, Kind=${scale.kind}`,
    );
  }
  if (scale.metadata.name && scale.metadata.name !== name) {
    throw badRequest(
      `the name of the object (${scale.metadata.name}) does not match the name on the URL (${name})`,
    );
  }
  const { uid, resourceVersion } = scale.metadata;
  if (uid) object.metadata.uid = uid;
  if (resourceVersion) object.metadata.resourceVersion = resourceVersion;
  set(object, paths.specReplicasPath, replicasOf(scale, name));
  return object;
}

function replicasOf(scale: KubeObject, name: string): number {
  const replicas = isObject(scale.spec) ? (scale.spec['replicas'] ?? 0) : 0;
  if (typeof replicas !== 'number' || !Number.isInteger(replicas)) {
    throw badRequest(`Scale in version "v1" cannot be handled as a Scale: spec.replicas must be an integer`);
  }
  if (replicas >= 0) return replicas;
  const fault = fieldError.invalid('spec.replicas', replicas, 'should be a non-negative integer');
  throw invalid(SCALE.group, SCALE.kind, name, [fault]);
}

const stepsOf = (path: string): string[] => path.split('.').filter(Boolean);

function at(object: KubeObject, path: string): unknown {
  let value: unknown = object;
  for (const step of stepsOf(path)) value = isObject(value) ? value[step] : undefined;
  return value;
}

function set(object: KubeObject, path: string, replicas: number): void {
  const steps = stepsOf(path);
  const last = steps.pop();
  let place = object as unknown as JsonObject;
  for (const step of steps) {
    const next = (place[step] ??= {});
    if (!isObject(next))
      throw new ApiError(500, 'InternalError', `the field ${path} is not inside an object`);
    place = next;
  }
  if (last !== undefined) place[last] = replicas;
}
