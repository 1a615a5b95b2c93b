import { badRequest } from '../errors.ts';
import type { KubeObject } from '../object.ts';
import type { Resource } from '../resource.ts';
import { applyDefaults, dropNulls } from '../schema/default.ts';
import { sanitizeMetadata } from '../schema/metadata.ts';
import { prune } from '../schema/prune.ts';
import type { WriteOptions } from './options.ts';

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
