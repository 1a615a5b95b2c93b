/** Scripted requests, sent in order to any Kubernetes API server. */

export interface Scenario {
  /** Also the name of its file of expectations, and of its namespace with `diff-` before it. */
  readonly name: string;
  /** The lines of the checklist of what clients ask that it stands for. */
  readonly covers: string;
  readonly steps: readonly Step[];
}

/**
 * One request. In `path`, `headers` and `body`, `{ns}` is the scenario's namespace, and `{step.field.0.other}` is a
 * value of the answer to an earlier step of that name.
 */
export interface Step {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON; bytes and text as they are. */
  readonly body?: unknown;
  /** What of the answer is compared, where the whole is too large or holds what other servers need not have. */
  readonly view?: (body: never) => unknown;
  /** Asked again until the answer holds, or for ten seconds: for what a controller does in its own time. */
  readonly until?: (answer: Answer) => boolean;
}

export interface Answer {
  readonly status: number;
  /** Those that clients read: content type, warnings, ETag and the like. */
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed if it is JSON; a list of events if it is a watch. */
  readonly body: unknown;
}

type More = Omit<Step, 'name' | 'method' | 'path' | 'body'>;

export const get = (name: string, path: string, more: More = {}): Step => ({
  name,
  method: 'GET',
  path,
  ...more,
});
export const post = (name: string, path: string, body: unknown, more: More = {}): Step => ({
  name,
  method: 'POST',
  path,
  body,
  ...more,
});
export const put = (name: string, path: string, body: unknown, more: More = {}): Step => ({
  name,
  method: 'PUT',
  path,
  body,
  ...more,
});
export const remove = (name: string, path: string, body?: unknown, more: More = {}): Step => ({
  name,
  method: 'DELETE',
  path,
  ...(body === undefined ? {} : { body }),
  ...more,
});

const patchAs =
  (contentType: string) =>
  (name: string, path: string, body: unknown, { headers, ...more }: More = {}): Step => ({
    name,
    method: 'PATCH',
    path,
    body,
    headers: { 'content-type': contentType, ...headers },
    ...more,
  });

export const jsonPatch = patchAs('application/json-patch+json');
export const mergePatch = patchAs('application/merge-patch+json');
export const strategicPatch = patchAs('application/strategic-merge-patch+json');

/** Server-side apply as a field manager. */
export const apply = (
  manager: string,
  name: string,
  path: string,
  body: unknown,
  { force = false, dryRun = false }: { force?: boolean; dryRun?: boolean } = {},
): Step => {
  const query = new URLSearchParams({
    fieldManager: manager,
    ...(force && { force: 'true' }),
    ...(dryRun && { dryRun: 'All' }),
  });
  return patchAs('application/apply-patch+yaml')(name, `${path}?${query.toString()}`, body);
};

/** Everything that a watch tells within a second. */
export const watch = (name: string, path: string, query: Record<string, string>, more: More = {}): Step => ({
  name,
  method: 'GET',
  path: `${path}?${new URLSearchParams({ watch: 'true', timeoutSeconds: '1', ...query }).toString().replaceAll('%7B', '{').replaceAll('%7D', '}')}`,
  ...more,
});
