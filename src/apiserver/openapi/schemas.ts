/** The component schemas of the OpenAPI documents: each kind and its list, and what all kinds share. */
import { objectMeta } from '../builtin/schemas.ts';
import { SCALE } from '../crd/scale.ts';
import { isObject } from '../object.ts';
import type { Resource } from '../resource.ts';
import { namedSchemas } from '../schema/reference.ts';
import type { Schema } from '../schema/schema.ts';

const OBJECT_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const LIST_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta';
export const DELETE_OPTIONS = 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions';
export const SCALE_SCHEMA = 'io.k8s.api.autoscaling.v1.Scale';
export const STATUS = 'io.k8s.apimachinery.pkg.apis.meta.v1.Status';

/** `purlin.dev`, `v1alpha1`, `Machine` → `dev.purlin.v1alpha1.Machine`, as a real API server names them. */
export function schemaName(
  { group, version, custom }: Pick<Resource, 'group' | 'version' | 'custom'>,
  kind: string,
): string {
  if (custom) return [...group.split('.').reverse(), version, kind].join('.');
  return `io.k8s.api.${group ? group.split('.')[0] : 'core'}.${version}.${kind}`;
}

export const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });

export const gvkOf = ({ group, version }: Pick<Resource, 'group' | 'version'>, kind: string) => ({
  group,
  version,
  kind,
});

export function schemasOf(resource: Resource): Record<string, Schema> {
  const { kind, listKind, schema } = resource;
  const name = schemaName(resource, kind);
  const properties = {
    ...schema.properties,
    apiVersion: schema.properties?.['apiVersion'] ?? typeMeta.apiVersion,
    kind: schema.properties?.['kind'] ?? typeMeta.kind,
    metadata: {
      description: "Standard object's metadata.",
      allOf: [ref(OBJECT_META)],
    },
  };
  const selectable = [...resource.fieldLabels.keys()].map((fieldPath) => ({ fieldPath }));
  return {
    [name]: {
      ...published({ ...schema, properties }),
      type: 'object',
      'x-kubernetes-group-version-kind': [gvkOf(resource, kind)],
      ...(resource.custom && selectable.length > 0 && { 'x-kubernetes-selectable-fields': selectable }),
    },
    [schemaName(resource, listKind)]: {
      type: 'object',
      description: `${listKind} is a list of ${kind}`,
      required: ['items'],
      properties: {
        ...typeMeta,
        metadata: ref(LIST_META),
        items: { type: 'array', description: `List of ${resource.plural}.`, items: ref(name) },
      },
      'x-kubernetes-group-version-kind': [gvkOf(resource, listKind)],
    },
  };
}

/** In plain OpenAPI, for clients that do not know what an int-or-string is. */
function published(schema: Schema): Schema {
  return {
    ...schema,
    ...(schema['x-kubernetes-int-or-string'] && { anyOf: [{ type: 'integer' }, { type: 'string' }] }),
    ...(schema.properties && {
      properties: Object.fromEntries(
        Object.entries(schema.properties).map(([name, sub]) => [name, published(sub)]),
      ),
    }),
    ...(schema.items && { items: published(schema.items) }),
    ...(isObject(schema.additionalProperties) && {
      additionalProperties: published(schema.additionalProperties as Schema),
    }),
  };
}

/** What the schemas of built-in kinds refer to by name. */
function referredSchemas(resources: readonly Resource[]): Record<string, Schema> {
  const text = JSON.stringify(resources.filter(({ custom }) => !custom).map(({ schema }) => schema));
  const referred = [...namedSchemas()].filter(([name]) => text.includes(`/${name}"`));
  return Object.fromEntries(
    referred.map(([name, schema]) => [
      name,
      schema['x-kubernetes-int-or-string'] ? published(schema) : { type: 'object', ...schema },
    ]),
  );
}

const typeMeta: Record<'apiVersion' | 'kind', Schema> = {
  apiVersion: {
    type: 'string',
    description: 'APIVersion defines the versioned schema of this representation of an object.',
  },
  kind: {
    type: 'string',
    description: 'Kind is a string value representing the REST resource this object represents.',
  },
};

const scaleSchema: Schema = {
  type: 'object',
  description: 'Scale represents a scaling request for a resource.',
  properties: {
    ...typeMeta,
    metadata: ref(OBJECT_META),
    spec: {
      type: 'object',
      description: 'spec defines the behavior of the scale.',
      properties: {
        replicas: { type: 'integer', format: 'int32', description: 'The desired number of instances.' },
      },
    },
    status: {
      type: 'object',
      description: 'status is the current status of the scale. Read-only.',
      required: ['replicas'],
      properties: {
        replicas: { type: 'integer', format: 'int32', description: 'The actual number of instances.' },
        selector: { type: 'string', description: 'The label selector of the instances, as text.' },
      },
    },
  },
  'x-kubernetes-group-version-kind': [SCALE],
};

export function sharedSchemas(resources: readonly Resource[]): Record<string, Schema> {
  const gvks = [
    ...new Map(resources.map((r) => [r.apiVersion, { group: r.group, version: r.version }])).values(),
  ];
  return {
    ...referredSchemas(resources),
    ...(resources.some(({ scale }) => scale) && { [SCALE_SCHEMA]: scaleSchema }),
    [OBJECT_META]: objectMeta,
    [LIST_META]: {
      type: 'object',
      description: 'ListMeta describes metadata that synthetic resources must have.',
      properties: {
        continue: {
          type: 'string',
          description: 'Set if the user set a limit on the number of items returned.',
        },
        remainingItemCount: {
          type: 'integer',
          format: 'int64',
          description: 'The number of subsequent items.',
        },
        resourceVersion: { type: 'string', description: "The server's internal version of this list." },
      },
    },
    [DELETE_OPTIONS]: {
      type: 'object',
      description: 'DeleteOptions may be provided when deleting an API object.',
      properties: {
        ...typeMeta,
        dryRun: {
          type: 'array',
          items: { type: 'string' },
          description: 'All: process the request without persisting.',
        },
        gracePeriodSeconds: {
          type: 'integer',
          format: 'int64',
          description: 'Ignored: deletion is immediate.',
        },
        preconditions: {
          type: 'object',
          description: 'Must be fulfilled before a deletion is carried out.',
          properties: {
            resourceVersion: { type: 'string', description: 'Specifies the target ResourceVersion.' },
            uid: { type: 'string', description: 'Specifies the target UID.' },
          },
        },
        propagationPolicy: { type: 'string', description: 'Orphan, Background or Foreground.' },
      },
      'x-kubernetes-group-version-kind': gvks.map((gv) => ({ ...gv, kind: 'DeleteOptions' })),
    },
    [STATUS]: {
      type: 'object',
      description: "Status is a return value for calls that don't return other objects.",
      properties: {
        ...typeMeta,
        metadata: ref(LIST_META),
        status: { type: 'string', description: 'Success or Failure.' },
        message: {
          type: 'string',
          description: 'A human-readable description of the status of this operation.',
        },
        reason: {
          type: 'string',
          description: 'A machine-readable description of why this operation failed.',
        },
        code: {
          type: 'integer',
          format: 'int32',
          description: 'Suggested HTTP return code for this status.',
        },
        details: { type: 'object', description: 'Extended data associated with the reason.' },
      },
    },
  };
}
