import type { Store } from '../store/index.ts';
import type { Admission } from './admission/index.ts';
import type { Registry } from './registry.ts';

/** What every operation works on. */
export interface ApiContext {
  readonly store: Store;
  readonly registry: Registry;
  readonly now: () => Date;
  readonly logger: Logger;
  readonly admission: Admission;
}

type LogMethod = (fields: object, message: string) => void;

/** The part of a pino logger that the server uses. */
export interface Logger {
  debug: LogMethod;
  info: LogMethod;
  warn: LogMethod;
  error: LogMethod;
}
