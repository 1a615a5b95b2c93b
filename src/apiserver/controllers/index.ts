import type { ApiContext } from '../context.ts';

/** The controllers that are part of the API server itself. */
export interface Controllers {
  close(): Promise<void>;
}

export function startControllers(_context: ApiContext): Controllers {
  return { close: () => Promise.resolve() };
}
