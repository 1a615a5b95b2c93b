/** Clients that apply and patch Widgets, and ask who manages what. */
import { WIDGETS } from './harness.ts';
import type { Answer, TestServer } from './harness.ts';

export const APPLY = 'application/apply-patch+yaml';
export const MERGE = 'application/merge-patch+json';
export const JSON_PATCH = 'application/json-patch+json';

export const partial = (name: string, spec: object, metadata: object = {}) => ({
  apiVersion: 'test.purlin.dev/v1alpha1',
  kind: 'Widget',
  metadata: { name, ...metadata },
  spec,
});

interface Entry {
  manager?: string;
  operation: string;
  subresource?: string;
  time: string;
  fieldsV1: object;
}

export interface Widget {
  metadata: {
    resourceVersion: string;
    generation: number;
    uid: string;
    managedFields?: Entry[];
    labels?: object;
  };
  spec: Record<string, unknown>;
  status?: object;
}

/** `<manager> <operation>[ of <subresource>]` to its fields. */
export const managersOf = ({ metadata }: Widget) =>
  Object.fromEntries(
    (metadata.managedFields ?? []).map(({ manager, operation, subresource, fieldsV1 }) => [
      `${manager} ${operation}${subresource ? ` of ${subresource}` : ''}`,
      fieldsV1,
    ]),
  );

/** The set of some fields of spec. */
export const spec = (...fields: string[]) => ({
  'f:spec': Object.fromEntries(fields.map((name) => [`f:${name}`, {}])),
});

export const widgetClient = (api: () => TestServer) => ({
  /** Applies a configuration as somebody; `query` holds further options, `path` is other than the object's own. */
  applyAs: (
    manager: string,
    body: string | ReturnType<typeof partial>,
    query = '',
    path = `${WIDGETS}/${typeof body === 'string' ? '' : body.metadata.name}`,
  ): Promise<Answer> =>
    api().call('PATCH', `${path}?fieldManager=${manager}${query && `&${query}`}`, body, {
      'content-type': APPLY,
    }),
  patch: (name: string, body: unknown, type = MERGE, query = '') =>
    api().call('PATCH', `${WIDGETS}/${name}${query}`, body, {
      'content-type': type,
      'user-agent': 'tester/1.0 (x)',
    }),
  get: async (name: string) => (await api().call('GET', `${WIDGETS}/${name}`)).body as never as Widget,
});
