/** `as=Table` and `as=PartialObjectMetadata` renderings of objects and lists. */
import { badRequest, notAcceptable } from './errors.ts';
import { JSON_TYPE, YAML_TYPE } from './media-types.ts';
import type { KubeObject } from './object.ts';
import type { Resource, TableColumn } from './resource.ts';

/** How the client wants objects rendered. */
export type Rendering =
  | { readonly as: 'object' }
  | { readonly as: 'table'; readonly version: string; readonly include: 'None' | 'Metadata' | 'Object' }
  | { readonly as: 'metadata'; readonly version: string };

const PLAIN: Rendering = { as: 'object' };
const JSON_TYPES = new Set(['application/json', 'application/*', '*/*']);
const OBJECT_TYPES = new Set([...JSON_TYPES, YAML_TYPE]);

type Answered = 'objects' | 'events';

const TYPES: Readonly<Record<Answered, ReadonlySet<string>>> = { objects: OBJECT_TYPES, events: JSON_TYPES };

/** Picks the first rendering in the Accept header that the server can give. Throws 406 when there is none. */
export function negotiate(
  accept: string | undefined,
  query: URLSearchParams,
  answered: Answered = 'objects',
): Rendering {
  if (!accept) return PLAIN;
  for (const clause of accept.split(',')) {
    const [type = '', ...parameters] = clause.split(';').map((part) => part.trim());
    if (!TYPES[answered].has(type)) continue;
    const given = new Map(parameters.map((p) => p.split('=', 2) as [string, string]));
    const as = given.get('as');
    const version = given.get('v') ?? 'v1';
    if (as === undefined) return PLAIN;
    if (given.get('g') !== 'meta.k8s.io' || (version !== 'v1' && version !== 'v1beta1')) continue;
    if (as === 'Table') return { as: 'table', version, include: includeObject(query) };
    if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList')
      return { as: 'metadata', version };
  }
  throw notAcceptable(answered === 'events' ? ['application/json;stream=watch'] : [JSON_TYPE, YAML_TYPE]);
}

/** Whether the first type in the Accept header that the server can give is YAML. */
export function wantsYaml(accept: string | undefined): boolean {
  const types = (accept ?? '').split(',').map((clause) => clause.split(';', 1)[0]?.trim() ?? '');
  return types.find((type) => OBJECT_TYPES.has(type)) === YAML_TYPE;
}

function includeObject(query: URLSearchParams): 'None' | 'Metadata' | 'Object' {
  const given = query.get('includeObject');
  if (!given) return 'Metadata';
  if (given === 'None' || given === 'Metadata' || given === 'Object') return given;
  throw badRequest(
    `Unable to convert to Table as requested: includeObject: Invalid value: ${JSON.stringify(given)}: must be 'Metadata', 'Object', 'None', or empty`,
  );
}

export function renderObject(
  object: KubeObject,
  resource: Resource,
  rendering: Rendering,
  now: Date,
): unknown {
  switch (rendering.as) {
    case 'object':
      return object;
    case 'metadata':
      return partialMetadata(object, rendering.version);
    case 'table':
      return {
        ...tableHead(resource, rendering, { resourceVersion: object.metadata.resourceVersion }),
        rows: [row(object, resource, rendering, now)],
      };
  }
}

export interface ListMeta {
  resourceVersion: string;
  continue?: string;
  remainingItemCount?: number;
}

/** How a list is shown. */
export interface ListForm {
  /** What it says besides its items. */
  readonly head: (metadata: ListMeta) => object;
  readonly member: 'items' | 'rows';
  /** Undefined when they are shown as they are served one by one, or as a built-in kind's without their kind. */
  readonly item: ((object: KubeObject) => unknown) | undefined;
}

export function listForm(resource: Resource, rendering: Rendering, now: Date): ListForm {
  switch (rendering.as) {
    case 'object': {
      const { listKind: kind, apiVersion, custom } = resource;
      // Lists of custom resources say so when there is no more.
      const head = (metadata: ListMeta): object => ({
        kind,
        apiVersion,
        metadata: custom ? { continue: '', ...metadata } : metadata,
      });
      return { head, member: 'items', item: undefined };
    }
    case 'metadata': {
      const { version } = rendering;
      const kind = 'PartialObjectMetadataList';
      const head = (metadata: ListMeta): object => ({ kind, apiVersion: `meta.k8s.io/${version}`, metadata });
      return { head, member: 'items', item: (object) => partialMetadata(object, version) };
    }
    case 'table':
      return {
        head: (metadata) => tableHead(resource, rendering, metadata),
        member: 'rows',
        item: (object) => row(object, resource, rendering, now),
      };
  }
}

/** In a watch, only the first event's table carries the column definitions. */
export function renderEventObject(
  object: KubeObject,
  resource: Resource,
  rendering: Rendering,
  now: Date,
  position: 'first' | 'later',
): unknown {
  const rendered = renderObject(object, resource, rendering, now);
  if (rendering.as === 'table' && position === 'later') {
    (rendered as { columnDefinitions: unknown }).columnDefinitions = null;
  }
  return rendered;
}

const partialMetadata = (object: KubeObject, version: string): unknown => ({
  kind: 'PartialObjectMetadata',
  apiVersion: `meta.k8s.io/${version}`,
  metadata: object.metadata,
});

const tableHead = (
  resource: Resource,
  { version }: Rendering & { as: 'table' },
  metadata: object,
): object => ({
  kind: 'Table',
  apiVersion: `meta.k8s.io/${version}`,
  metadata,
  columnDefinitions: resource.columns.map(columnDefinition),
});

const row = (
  item: KubeObject,
  resource: Resource,
  rendering: Rendering & { as: 'table' },
  now: Date,
): object => ({
  cells: resource.columns.map((column) => column.cell(item, now) ?? null),
  object: rowObject(item, rendering),
});

function rowObject(item: KubeObject, { include, version }: Rendering & { as: 'table' }): unknown {
  if (include === 'None') return null;
  return include === 'Object' ? item : partialMetadata(item, version);
}

function columnDefinition({ name, type, format = '', description, priority }: TableColumn): object {
  return { name, type, format, description, priority };
}
