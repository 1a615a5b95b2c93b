import type { Writer } from '../admission/index.ts';
import { fieldError, invalid } from '../errors.ts';
import type { FieldError } from '../errors.ts';
import type { UserRequest } from '../http.ts';
import type { JsonObject } from '../object.ts';
import type { Resource } from '../resource.ts';
import { MAX_FIELD_MANAGER_BYTES, isPrintable, validateFieldManager } from '../schema/field-manager.ts';

/** What accompanies one write. */
export interface WriteOptions {
  /** Everything happens except that the result is stored. */
  readonly dryRun: boolean;
  readonly fieldValidation: 'Strict' | 'Warn' | 'Ignore';
  /** Who comes to manage what the write changes. */
  readonly fieldManager: string;
  /** The options as they were given, as far as they say anything of their own. */
  readonly given: JsonObject;
  /** Filled on the way. */
  readonly warnings: string[];
  /** Undefined for the server's own bookkeeping, which nobody needs to allow. */
  readonly writer?: Writer;
}

export interface ApplyOptions extends WriteOptions {
  /** Takes fields from other managers instead of refusing. */
  readonly force: boolean;
  /** Throws 403 when whoever applies may change an object but not create one. */
  readonly requireCreate: () => void;
}

/** One write to one place. */
export interface WriteTarget {
  readonly resource: Resource;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

/** The server's own writes: nothing to warn about. */
export const internalWrite = (writer?: Writer): WriteOptions => ({
  dryRun: false,
  fieldValidation: 'Ignore',
  fieldManager: 'purlin-apiserver',
  given: {},
  warnings: [],
  ...(writer && { writer }),
});

type Request = Pick<UserRequest, 'query' | 'warnings' | 'header' | 'user' | 'annotations' | 'gone'>;
type OptionsKind = 'CreateOptions' | 'UpdateOptions' | 'PatchOptions' | 'DeleteOptions';

/** Throws 422 for options that are not allowed. */
export function writeOptions(request: Request, kind: OptionsKind): WriteOptions {
  const force = kind === 'PatchOptions' && request.query.has('force');
  return parseOptions(
    request,
    kind,
    force ? [fieldError.forbidden('force', 'may not be specified for non-apply patch')] : [],
  );
}

/** The options of a server-side apply, which needs a name. Throws 422 for options that are not allowed. */
export function applyOptions(request: Request & Pick<UserRequest, 'require'>): ApplyOptions {
  const named = Boolean(request.query.get('fieldManager'));
  const options = parseOptions(
    request,
    'PatchOptions',
    named ? [] : [fieldError.required('fieldManager', 'is required for apply patch')],
  );
  const force = request.query.get('force');
  return {
    ...options,
    force: force !== null && !['false', '0'].includes(force.toLowerCase()),
    requireCreate: () => request.require('create'),
  };
}

export const writerOf = ({
  user,
  warnings,
  annotations,
  gone,
}: Omit<Request, 'query' | 'header'>): Writer => ({
  user,
  warnings,
  annotations,
  gone,
});

function parseOptions(request: Request, kind: OptionsKind, faults: readonly FieldError[]): WriteOptions {
  const { query, warnings } = request;
  const given = query.get('fieldManager') ?? '';
  const all = [...faults, ...validateFieldManager(given, 'fieldManager')];
  if (all.length > 0) throw invalid('meta.k8s.io', kind, '', all);
  return {
    dryRun: parseDryRun(query.getAll('dryRun'), kind),
    fieldValidation: parseFieldValidation(query.get('fieldValidation'), kind),
    given: Object.fromEntries(
      ['fieldManager', 'fieldValidation'].flatMap((name) =>
        query.get(name) ? [[name, query.get(name)]] : [],
      ),
    ),
    fieldManager: given || managerOfUserAgent(request.header('user-agent') ?? ''),
    warnings,
    writer: writerOf(request),
  };
}

/** What precedes the first slash, as far as it can be shown and is allowed. */
function managerOfUserAgent(userAgent: string): string {
  const [product = ''] = userAgent.split('/', 1);
  if (isPrintable(product) && Buffer.byteLength(product) <= MAX_FIELD_MANAGER_BYTES) return product;
  let manager = '';
  for (const character of product) {
    if (!isPrintable(character)) continue;
    if (Buffer.byteLength(manager + character) > MAX_FIELD_MANAGER_BYTES) break;
    manager += character;
  }
  return manager;
}

/** Throws 422 for anything but `All`. */
export function parseDryRun(values: readonly string[], kind: OptionsKind): boolean {
  const given = values.filter(Boolean);
  if (given.some((value) => value !== 'All')) {
    throw invalid('meta.k8s.io', kind, '', [fieldError.notSupported('dryRun', given, ['All'])]);
  }
  return given.length > 0;
}

const FIELD_VALIDATIONS = ['', 'Ignore', 'Strict', 'Warn'] as const;

function parseFieldValidation(given: string | null, kind: OptionsKind): WriteOptions['fieldValidation'] {
  const found = FIELD_VALIDATIONS.find((one) => one === (given ?? ''));
  if (found === undefined) {
    throw invalid('meta.k8s.io', kind, '', [
      fieldError.notSupported('fieldValidation', given, FIELD_VALIDATIONS),
    ]);
  }
  return found || 'Warn';
}
