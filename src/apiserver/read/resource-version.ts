import { badRequest, expired, invalid, resourceVersionTooLarge } from '../errors.ts';
import type { ApiError, FieldError } from '../errors.ts';
import { CompactedError, FutureRevisionError } from '../../store/index.ts';

/** A `resourceVersion` parameter; undefined when absent or empty. Throws 400 unless it is a decimal integer. */
export function parseResourceVersion(text: string | null): number | undefined {
  if (text === null || text === '') return undefined;
  if (!/^(0|[1-9]\d{0,15})$/.test(text)) {
    throw badRequest(`resourceVersion: Invalid value: ${JSON.stringify(text)}: must be a decimal integer`);
  }
  return Number(text);
}

/** Words a store's errors about revisions as Kubernetes does; others stay as they are. */
export function asApiError(error: unknown): unknown {
  if (error instanceof CompactedError)
    return expired(`The resourceVersion for the provided watch is too old.`);
  if (error instanceof FutureRevisionError) {
    const requested = Number(/\d+/.exec(error.message)?.[0]);
    return resourceVersionTooLarge(requested, error.current);
  }
  if (error instanceof URIError) return badRequest('the path is not a valid URI');
  return error;
}

/** 422 for list or watch options that make no sense, alone or together. */
export const invalidOptions = (...faults: FieldError[]): ApiError =>
  invalid('meta.k8s.io', 'ListOptions', '', faults);
