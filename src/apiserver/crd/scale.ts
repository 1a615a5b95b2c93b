/** The `scale` subresource: an `autoscaling/v1` Scale over two or three fields of a custom object. */
import { ageColumn, computedColumn, nameColumn } from '../columns.ts';
import { ApiError, badRequest, fieldError, internalError } from '../errors.ts';
import type { FieldError } from '../errors.ts';
import { isObject } from '../object.ts';
import { copyJson } from '../../values/copy.ts';
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
    // None is not told, as by a Go type whose zero is left out.
    spec: wanted === 0 ? {} : { replicas: wanted },
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
  set(object, paths.specReplicasPath, replicasOf(scale));
  return object;
}

function replicasOf(scale: KubeObject): number {
  const replicas = isObject(scale.spec) ? (scale.spec['replicas'] ?? 0) : 0;
  if (typeof replicas !== 'number' || !Number.isInteger(replicas)) {
    throw badRequest(`Scale in version "v1" cannot be handled as a Scale: spec.replicas must be an integer`);
  }
  return replicas;
}

const MAX_REPLICAS = 2 ** 31 - 1;

/** What an object of a kind with `scale` must fulfil besides its schema, whoever writes it. */
export function scaleErrors(object: KubeObject, paths: ScalePaths): FieldError[] {
  return [
    ...replicasErrors(object, paths.specReplicasPath),
    ...replicasErrors(object, paths.statusReplicasPath),
    ...(paths.labelSelectorPath ? typeErrors(object, paths.labelSelectorPath, 'string') : []),
  ];
}

function replicasErrors(object: KubeObject, path: string): FieldError[] {
  const wrongType = typeErrors(object, path, 'int64');
  const value = at(object, path);
  if (wrongType.length > 0 || typeof value !== 'number') return wrongType;
  if (value < 0) return [fieldError.invalid(path, value, 'should be a non-negative integer')];
  if (value <= MAX_REPLICAS) return [];
  return [fieldError.invalid(path, value, `should be less than or equal to ${MAX_REPLICAS}`)];
}

function typeErrors(object: KubeObject, path: string, wanted: 'int64' | 'string'): FieldError[] {
  const value = at(object, path);
  const given = Number.isInteger(value) ? 'int64' : typeof value === 'number' ? 'float64' : typeof value;
  if (value === undefined || given === wanted) return [];
  const why = `${path} accessor error: ${JSON.stringify(value).replaceAll('"', '')} is of the type ${given}, expected ${wanted}`;
  return [fieldError.invalid(path, wanted === 'int64' ? 0 : '', why)];
}

/** The object as far as its Scale shows it: no replicas are as good as none said, and nobody's. */
export function asScaled(object: KubeObject, paths: ScalePaths): KubeObject {
  if (at(object, paths.specReplicasPath) !== 0) return object;
  const copy = copyJson(object);
  const steps = stepsOf(paths.specReplicasPath);
  const last = steps.pop() ?? '';
  const place = steps.reduce<JsonObject>((within, step) => within[step] as JsonObject, copy as never);
  delete place[last];
  return copy;
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
