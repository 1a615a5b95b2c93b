/** A failure of the host's network. `reason` and `retryable` become the order's result, and then a condition. */
export class NetworkError extends Error {
  override readonly name = 'NetworkError';
  readonly reason: string;
  /** False when only a change of the spec or of the host's configuration can help. */
  readonly retryable: boolean;

  constructor(reason: string, message: string, { retryable = true, cause }: Details = {}) {
    super(message, { cause });
    this.reason = reason;
    this.retryable = retryable;
  }
}

interface Details {
  retryable?: boolean;
  cause?: unknown;
}

/** A value that must not reach any tool: names the field and what it should look like. */
export const invalid = (field: string, remedy: string): NetworkError =>
  new NetworkError('InvalidNetworkSpec', `${field}: ${remedy}`, { retryable: false });

/** The errno name of a system error (`ENOENT`), or undefined. */
export const errorCode = (error: unknown): string | undefined =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
