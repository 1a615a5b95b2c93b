/** API errors as Kubernetes `Status` objects, worded like the reference implementation. */

export interface StatusCause {
  reason?: string;
  message?: string;
  field?: string;
}

export interface StatusDetails {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: StatusCause[];
  retryAfterSeconds?: number;
}

export interface Status {
  kind: 'Status';
  apiVersion: 'v1';
  metadata: Record<string, never>;
  status: 'Success' | 'Failure';
  message?: string;
  reason?: string;
  details?: StatusDetails;
  code: number;
}

/** Group and plural resource name: how most messages name a collection. */
export interface GroupResource {
  readonly group: string;
  readonly resource: string;
}

/** An error that is answered to the client as it is. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: number;
  readonly reason: string;
  readonly details: StatusDetails | undefined;

  constructor(code: number, reason: string, message: string, details?: StatusDetails) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.details = details;
  }

  toStatus(): Status {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      ...(this.reason && { reason: this.reason }),
      ...(this.details && { details: this.details }),
      code: this.code,
    };
  }
}

/** Somebody else's refusal: its code and reason say nothing of what is in the store. */
export class WebhookRefusal extends ApiError {}

/** Whether what a request was about is not there. */
export const isNotFound = (error: unknown): boolean => isOwn(error, 404);

/** Whether there is another in its place, or it is another by now. */
export const isConflict = (error: unknown): boolean => isOwn(error, 409);

const isOwn = (error: unknown, code: number): boolean =>
  error instanceof ApiError && !(error instanceof WebhookRefusal) && error.code === code;

const qualified = ({ group, resource }: GroupResource): string => (group ? `${resource}.${group}` : resource);

const detailsOf = ({ group, resource }: GroupResource, name?: string): StatusDetails => ({
  ...(name && { name }),
  ...(group && { group }),
  kind: resource,
});

export const badRequest = (message: string): ApiError => new ApiError(400, 'BadRequest', message);

export const unauthorized = (): ApiError => new ApiError(401, 'Unauthorized', 'Unauthorized');

export const forbidden = (message: string, details?: StatusDetails): ApiError =>
  new ApiError(403, 'Forbidden', message, details);

/** No resource answers to the path. Outside the core group that is told as text, as from Go's HTTP server. */
export class PathNotFound extends ApiError {
  constructor() {
    super(404, 'NotFound', 'the server could not find the requested resource', {});
  }
}

export const pathNotFound = (): ApiError => new PathNotFound();

export const notFound = (of: GroupResource, name: string): ApiError =>
  new ApiError(404, 'NotFound', `${qualified(of)} "${name}" not found`, detailsOf(of, name));

export const methodNotAllowed = (): ApiError =>
  new ApiError(
    405,
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
    {},
  );

/** For a verb that a subresource of a custom kind does not have. */
export const methodNotSupported = (of: GroupResource, verb: string): ApiError =>
  new ApiError(
    405,
    'MethodNotAllowed',
    `${verb} is not supported on resources of kind "${qualified(of)}"`,
    detailsOf(of),
  );

/** For what a kind offers no more while its definition is being deleted. */
export const terminating = (verb: string): ApiError =>
  new ApiError(
    405,
    'MethodNotAllowed',
    `${verb} not allowed while custom resource definition is terminating`,
    {},
  );

export const notAcceptable = (supported: string[]): ApiError =>
  new ApiError(406, 'NotAcceptable', `only the following media types are accepted: ${supported.join(', ')}`);

export const alreadyExists = (of: GroupResource, name: string): ApiError =>
  new ApiError(409, 'AlreadyExists', `${qualified(of)} "${name}" already exists`, detailsOf(of, name));

export const conflict = (of: GroupResource, name: string, why: string): ApiError =>
  new ApiError(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${qualified(of)} "${name}": ${why}`,
    detailsOf(of, name),
  );

export const modified = (of: GroupResource, name: string): ApiError =>
  conflict(
    of,
    name,
    'the object has been modified; please apply your changes to the latest version and try again',
  );

/** Other managers have another value for fields that are applied. */
export const applyConflict = (message: string, causes: StatusCause[]): ApiError =>
  new ApiError(409, 'Conflict', message, { causes });

export const expired = (message: string): ApiError => new ApiError(410, 'Expired', message);

export const tooLarge = (message: string): ApiError => new ApiError(413, 'RequestEntityTooLarge', message);

/** Also answered with the header `Retry-After`, which clients obey. */
export const tooManyRequests = (message = 'Too many requests, please try again later.'): ApiError =>
  new ApiError(429, 'TooManyRequests', message, { retryAfterSeconds: 1 });

/** The client did not send its request in time. */
export const requestTimeout = (message: string): ApiError => new ApiError(408, 'Timeout', message, {});

const TIMED_OUT = {
  'allotted time': 'request did not complete within the allotted timeout',
  'deadline exceeded': 'request did not complete within requested timeout - context deadline exceeded',
  canceled: 'request did not complete within requested timeout - context canceled',
};

/** The server did not get done what was asked: in the time that all requests have, or a change, or its client waited. */
export const timedOut = (why: keyof typeof TIMED_OUT): ApiError =>
  new ApiError(504, 'Timeout', `Timeout: ${TIMED_OUT[why]}`, {});

export const unsupportedMediaType = (supported: string[]): ApiError =>
  new ApiError(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${supported.join(', ')}`,
  );

/** One invalid field: what `details.causes` lists and kubectl prints. */
export interface FieldError {
  /** `FieldValueInvalid`, `FieldValueRequired`, … */
  readonly reason: string;
  readonly field: string;
  readonly message: string;
}

/** So many faults are told; a client that made more will find the others later. */
const MAX_FAULTS = 500;

export function invalid(group: string, kind: string, name: string, all: readonly FieldError[]): ApiError {
  const errors = all.slice(0, MAX_FAULTS);
  const lines = errors.map(({ field, message }) => `${field}: ${message}`);
  const summary = lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`;
  return new ApiError(
    422,
    'Invalid',
    `${qualified({ group, resource: kind })} "${name}" is invalid: ${summary}`,
    {
      ...(name && { name }),
      ...(group && { group }),
      ...(kind && { kind }),
      causes: errors.map(({ reason, field, message }) => ({ reason, message, field })),
    },
  );
}

export const internalError = (message: string): ApiError =>
  new ApiError(500, 'InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] });

export const resourceVersionTooLarge = (requested: number, current: number): ApiError =>
  new ApiError(504, 'Timeout', `Timeout: Too large resource version: ${requested}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });

/** Field errors worded like k8s.io/apimachinery/pkg/util/validation/field. */
export const fieldError = {
  invalid: (field: string, value: unknown, why: string): FieldError => ({
    reason: 'FieldValueInvalid',
    field,
    message: `Invalid value: ${quote(value)}: ${why}`,
  }),
  typeInvalid: (field: string, value: unknown, why: string): FieldError => ({
    reason: 'FieldValueTypeInvalid',
    field,
    message: `Invalid value: ${quote(value)}: ${why}`,
  }),
  required: (field: string, why = ''): FieldError => ({
    reason: 'FieldValueRequired',
    field,
    message: why ? `Required value: ${why}` : 'Required value',
  }),
  forbidden: (field: string, why: string): FieldError => ({
    reason: 'FieldValueForbidden',
    field,
    message: `Forbidden: ${why}`,
  }),
  duplicate: (field: string, value: unknown): FieldError => ({
    reason: 'FieldValueDuplicate',
    field,
    message: `Duplicate value: ${quote(value)}`,
  }),
  notSupported: (field: string, value: unknown, supported: readonly unknown[]): FieldError => ({
    reason: 'FieldValueNotSupported',
    field,
    message: `Unsupported value: ${quote(value)}: supported values: ${supported.map(quote).join(', ')}`,
  }),
  tooLong: (field: string, maxBytes: number): FieldError => ({
    reason: 'FieldValueTooLong',
    field,
    message: `Too long: may not be more than ${maxBytes} bytes`,
  }),
  tooMany: (field: string, actual: number, max: number): FieldError => ({
    reason: 'FieldValueTooMany',
    field,
    message: `Too many: ${actual}: must have at most ${max} items`,
  }),
};

function quote(value: unknown): string {
  return JSON.stringify(value) ?? 'null';
}
