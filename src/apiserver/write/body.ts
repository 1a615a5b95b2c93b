import { badRequest, unsupportedMediaType } from '../errors.ts';
import { isObject } from '../object.ts';
import type { KubeObject } from '../object.ts';
import { JSON_TYPE, PROTOBUF_TYPE, YAML_TYPE } from '../media-types.ts';

const MAX_DEPTH = 200;
const MAX_YAML_ALIASES = 100;

/** A decoded body; `duplicates` are keys that occur twice in one object. */
export interface DecodedBody {
  object: KubeObject;
  duplicates: string[];
}

export const mediaType = (contentType: string | undefined): string =>
  (contentType ?? JSON_TYPE).split(';', 1)[0]?.trim().toLowerCase() ?? '';

/** What a body without apiVersion and kind is taken for. */
export interface TypeMeta {
  readonly apiVersion: string;
  readonly kind: string;
}

/** Decodes an object by its content type. Throws 400 for what cannot be parsed, 415 for an unknown type. */
export async function decodeBody(
  body: Buffer,
  contentType: string | undefined,
  defaultType?: TypeMeta,
): Promise<DecodedBody> {
  const type = mediaType(contentType);
  switch (type) {
    case JSON_TYPE:
    case '*/*':
    case '':
      return asObject(parseJson(body.toString()), defaultType, () => findDuplicateKeys(body.toString()));
    case YAML_TYPE:
    case 'text/yaml':
      return asObject(await parseYaml(body.toString()), defaultType);
    case PROTOBUF_TYPE: {
      const { decodeProtobuf } = await import('../protobuf/index.ts');
      return asObject(decodeProtobuf(body));
    }
    default:
      throw unsupportedMediaType([JSON_TYPE, YAML_TYPE, PROTOBUF_TYPE]);
  }
}

export function parseJson(text: string): unknown {
  try {
    return guarded(JSON.parse(text) as unknown);
  } catch (error) {
    if (error instanceof SyntaxError) throw badRequest(`couldn't parse the body as JSON: ${error.message}`);
    throw error;
  }
}

export async function parseYaml(text: string): Promise<unknown> {
  const { parse } = await import('yaml');
  // Warnings (of an unknown tag) would go to our own standard error, for whoever likes to fill it.
  const options = { maxAliasCount: MAX_YAML_ALIASES, uniqueKeys: true, logLevel: 'error' } as const;
  try {
    return guarded(parse(text, options) as unknown);
  } catch (error) {
    if (error instanceof Error && !('code' in error && typeof error.code === 'number')) {
      throw badRequest(`couldn't parse the body as YAML: ${error.message}`);
    }
    throw error;
  }
}

/** Bounds the nesting, which our own recursion relies on, and keeps prototypes out of reach. */
function guarded(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MAX_DEPTH) throw badRequest(`the body is nested deeper than ${MAX_DEPTH} levels`);
  if (Object.hasOwn(value, '__proto__')) throw badRequest('the key "__proto__" is not allowed');
  for (const item of Object.values(value)) guarded(item, depth + 1);
  return value;
}

function asObject(
  value: unknown,
  defaultType?: TypeMeta,
  duplicates: () => string[] = () => [],
): DecodedBody {
  if (!isObject(value)) throw badRequest('the body must be one API object');
  if (defaultType && !value['kind'] && !value['apiVersion']) {
    value['apiVersion'] = defaultType.apiVersion;
    value['kind'] = defaultType.kind;
  }
  const { apiVersion, kind } = value;
  if (typeof kind !== 'string' || kind === '') throw badRequest("Object 'Kind' is missing in the body");
  if (typeof apiVersion !== 'string' || apiVersion === '') {
    throw badRequest("Object 'apiVersion' is missing in the body");
  }
  value['metadata'] ??= {};
  if (!isObject(value['metadata'])) throw badRequest('metadata must be an object');
  return { object: value as unknown as KubeObject, duplicates: duplicates() };
}

/** Finds keys given twice in one object, which JSON.parse resolves silently; paths like `spec.cpus`. */
export function findDuplicateKeys(text: string): string[] {
  const duplicates: string[] = [];
  const stack: { keys: Set<string> | undefined; path: string; index: number }[] = [];
  const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g;
  let pendingKey: string | undefined;
  let match = token.exec(text);
  while (match) {
    const [part] = match;
    const top = stack.at(-1);
    if (part === '{' || part === '[') {
      const path = top ? childPath(top, pendingKey) : '';
      stack.push({ keys: part === '{' ? new Set() : undefined, path, index: 0 });
      pendingKey = undefined;
    } else if (part === '}' || part === ']') {
      stack.pop();
      pendingKey = undefined;
    } else if (part === ',') {
      if (top) top.index++;
      pendingKey = undefined;
    } else if (part.startsWith('"') && top?.keys && pendingKey === undefined) {
      pendingKey = JSON.parse(part) as string;
      if (top.keys.has(pendingKey)) duplicates.push(childPath(top, pendingKey));
      top.keys.add(pendingKey);
    }
    match = token.exec(text);
  }
  return duplicates;
}

function childPath(
  parent: { keys: Set<string> | undefined; path: string; index: number },
  key?: string,
): string {
  if (!parent.keys) return `${parent.path}[${parent.index}]`;
  return parent.path ? `${parent.path}.${key}` : (key ?? '');
}
