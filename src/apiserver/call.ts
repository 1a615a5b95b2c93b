import type { ApiContext } from './context.ts';
import type { ApiResponse, UserRequest } from './http.ts';
import type { ResourceRequest } from './request-info.ts';
import type { Rendering } from './table.ts';

/** One request for objects, resolved. */
export interface Call {
  readonly context: ApiContext;
  readonly request: UserRequest;
  readonly target: ResourceRequest;
  readonly rendering: Rendering;
}

export type Operation = (call: Call) => ApiResponse | Promise<ApiResponse>;
