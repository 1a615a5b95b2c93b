import type { User } from '../authn/user.ts';
import { ApiError, badRequest } from '../errors.ts';
import type { UserRequest } from '../http.ts';
import type { KubeObject } from '../object.ts';
import type { Resource } from '../resource.ts';

/** What accompanies one write. */
export interface WriteOptions {
  /** Everything happens except that the result is stored. */
  readonly dryRun: boolean;
  readonly fieldValidation: 'Strict' | 'Warn' | 'Ignore';
  /** Filled on the way. */
  readonly warnings: string[];
  /** Undefined for the server's own writes, which nobody needs to allow. */
  readonly user?: User;
}

/** One write to one place. */
export interface WriteTarget {
  readonly resource: Resource;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

/** Throws 403 when whoever writes may not write just this object. */
export function admit(
  { resource }: WriteTarget,
  object: KubeObject,
  old: KubeObject | undefined,
  { user }: WriteOptions,
): void {
  if (user) resource.rules?.admit?.(object, old, user);
}

/** The server's own writes: nothing to warn about. */
export const internalWrite = (): WriteOptions => ({ dryRun: false, fieldValidation: 'Ignore', warnings: [] });

export function writeOptions({
  query,
  warnings,
  user,
}: Pick<UserRequest, 'query' | 'warnings' | 'user'>): WriteOptions {
  return {
    dryRun: parseDryRun(query.getAll('dryRun')),
    fieldValidation: parseFieldValidation(query.get('fieldValidation')),
    warnings,
    user,
  };
}

export function parseDryRun(values: readonly string[]): boolean {
  const given = values.filter(Boolean);
  const wrong = given.find((value) => value !== 'All');
  if (wrong) {
    throw new ApiError(
      422,
      'Invalid',
      `options.meta.k8s.io "" is invalid: dryRun: Unsupported value: ${JSON.stringify(wrong)}: supported values: "All"`,
    );
  }
  return given.length > 0;
}

function parseFieldValidation(value: string | null): WriteOptions['fieldValidation'] {
  if (!value) return 'Warn';
  if (value === 'Strict' || value === 'Warn' || value === 'Ignore') return value;
  throw badRequest(
    `fieldValidation: Unsupported value: ${JSON.stringify(value)}: supported values: "Ignore", "Strict", "Warn"`,
  );
}
