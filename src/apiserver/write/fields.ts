import { badRequest, fieldError, invalid } from '../errors.ts';
import { goQuoted } from '../go-quoted.ts';
import { isObject } from '../object.ts';
import { copyJson } from '../../values/copy.ts';
import type { KubeObject } from '../object.ts';
import type { Resource } from '../resource.ts';
import { applyDefaults, dropNulls, zeroNullItems } from '../schema/default.ts';
import { sanitizeMetadata } from '../schema/metadata.ts';
import { prune } from '../schema/prune.ts';
import type { Schema } from '../schema/schema.ts';
import type { WriteOptions } from './options.ts';

/** More are not told of; as in a genuine server. */
const MAX_PROBLEMS = 100;

/** Removes fields that the schema does not know: an error, a warning or silence, as the client asked. */
export function checkFields(
  object: KubeObject,
  resource: Resource,
  options: WriteOptions,
  { duplicates = [], verb = 'create' }: { duplicates?: readonly string[]; verb?: string },
): void {
  const { wrong, unknown: inMetadata } = sanitizeMetadata(object.metadata as Record<string, unknown>);
  if (wrong)
    throw badRequest(
      `${resource.kind} in version "${resource.version}" cannot be handled: ${wrong} has the wrong type`,
    );
  const unknown = [...inMetadata, ...prune(object, resource.schema)];
  if (options.fieldValidation === 'Ignore') return;
  const all = [
    ...duplicates.map((path) => `duplicate field ${goQuoted(path)}`),
    ...unknown.map((path) => `unknown field ${goQuoted(path)}`),
  ];
  const problems = all.slice(0, MAX_PROBLEMS);
  if (problems.length === 0) return;
  if (options.fieldValidation === 'Warn') {
    options.warnings.push(...problems);
    return;
  }
  const strict = `strict decoding error: ${problems.join(', ')}`;
  if (verb === 'patch')
    throw invalid('', '', '', [fieldError.invalid('patch', JSON.stringify(object), strict)]);
  throw badRequest(
    `${resource.kind} in version "${resource.version}" cannot be handled as a ${resource.kind}: ${strict}`,
  );
}

/** A null that was applied is a value that its schema may refuse; elsewhere it is how a client says "not set". */
export function setDefaults(
  object: KubeObject,
  resource: Resource,
  nulls: 'dropped' | 'kept' = 'dropped',
): void {
  if (nulls === 'dropped') dropNulls(object, resource.schema);
  if (!resource.custom) {
    dropEmpty(object, resource.schema);
    zeroNullItems(object, resource.schema);
  }
  for (const [field, value] of Object.entries(resource.always ?? {})) object[field] ??= copyJson(value);
  applyDefaults(object, resource.schema);
}

/** Built-in kinds are typed: a map or a list that holds nothing is not there, unless the kind requires it. */
function dropEmpty(object: KubeObject, { properties = {}, required = [] }: Schema): void {
  for (const [name, value] of Object.entries(object)) {
    const holder = Array.isArray(value) || (isObject(value) && properties[name]?.additionalProperties);
    if (holder && Object.keys(value as object).length === 0 && !required.includes(name)) delete object[name];
  }
}
