/** The custom resources that scenarios work on: between them, all that a definition can say. */

export interface Definition {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly group: string;
    readonly scope: 'Namespaced' | 'Cluster';
    readonly names: { readonly plural: string; readonly kind: string };
    readonly versions: readonly { readonly name: string }[];
  };
}

const string = { type: 'string' };
const integer = { type: 'integer' };

const gadgetSpec = {
  type: 'object',
  properties: {
    color: { type: 'string', enum: ['red', 'green', 'blue'] },
    count: { type: 'integer', format: 'int32', minimum: 0, maximum: 9, default: 3 },
    replicas: { type: 'integer', format: 'int32', minimum: 0 },
    selector: string,
    ratio: { type: 'number', multipleOf: 0.5 },
    size: { 'x-kubernetes-int-or-string': true },
    note: { type: 'string', minLength: 2, maxLength: 20, pattern: '^[a-z ]*$' },
    enabled: { type: 'boolean' },
    since: { type: 'string', format: 'date-time' },
    maybe: { type: 'string', nullable: true },
    tags: { type: 'array', items: string, 'x-kubernetes-list-type': 'set' },
    steps: { type: 'array', items: string, maxItems: 4 },
    ports: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['number', 'protocol'],
      items: {
        type: 'object',
        required: ['number'],
        properties: {
          number: { type: 'integer', format: 'int32' },
          protocol: { type: 'string', default: 'TCP' },
          name: string,
        },
      },
    },
    parts: {
      type: 'array',
      maxItems: 5,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      items: {
        type: 'object',
        required: ['name'],
        properties: { name: string, weight: { ...integer, default: 1 }, labels: mapOf(string) },
      },
    },
    settings: mapOf(string),
    whole: { type: 'object', 'x-kubernetes-map-type': 'atomic', properties: { a: string, b: string } },
    nested: {
      type: 'object',
      properties: { a: string, b: string, deep: { type: 'object', properties: { c: string, d: integer } } },
    },
    extra: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    low: integer,
    high: integer,
    fixed: {
      type: 'string',
      'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'is immutable' }],
    },
  },
  'x-kubernetes-validations': [
    {
      rule: '!has(self.low) || !has(self.high) || self.low <= self.high',
      messageExpression: "'low is above ' + (self.low > 100 ? 'a high' : 'a')",
      fieldPath: '.low',
    },
  ],
};

function mapOf(values: object): object {
  return { type: 'object', additionalProperties: values };
}

const gadgetStatus = {
  type: 'object',
  properties: {
    phase: string,
    replicas: integer,
    conditions: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['type'],
      items: {
        type: 'object',
        required: ['type', 'status'],
        properties: { type: string, status: string, reason: string, message: string },
      },
    },
  },
};

const gadgetSchema = {
  openAPIV3Schema: {
    type: 'object',
    description: 'A gadget for comparisons.',
    properties: { spec: gadgetSpec, status: gadgetStatus },
  },
};

export const GADGET_GROUP = 'diff.example.com';

const definition = (
  names: { plural: string; kind: string; singular: string; shortNames?: string[]; categories?: string[] },
  scope: 'Namespaced' | 'Cluster',
  versions: readonly { name: string; [field: string]: unknown }[],
): Definition => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${names.plural}.${GADGET_GROUP}` },
  spec: { group: GADGET_GROUP, scope, names, versions },
});

const gadgetVersion = {
  served: true,
  schema: gadgetSchema,
  subresources: {
    status: {},
    scale: {
      specReplicasPath: '.spec.replicas',
      statusReplicasPath: '.status.replicas',
      labelSelectorPath: '.spec.selector',
    },
  },
  selectableFields: [{ jsonPath: '.spec.color' }, { jsonPath: '.spec.count' }],
  additionalPrinterColumns: [
    { name: 'Color', type: 'string', jsonPath: '.spec.color', description: 'What it looks like' },
    { name: 'Count', type: 'integer', jsonPath: '.spec.count' },
    { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
    { name: 'Tags', type: 'string', jsonPath: '.spec.tags', priority: 1 },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
};

/** Without subresources and columns, in the whole cluster. */
const siteVersion = {
  name: 'v1',
  served: true,
  storage: true,
  schema: {
    openAPIV3Schema: {
      type: 'object',
      required: ['spec'],
      properties: {
        spec: { type: 'object', required: ['city'], properties: { city: string, floors: integer } },
        status: { type: 'object', properties: { phase: string } },
      },
    },
  },
};

export const CRDS: readonly Definition[] = [
  definition(
    { plural: 'gadgets', kind: 'Gadget', singular: 'gadget', shortNames: ['gg'], categories: ['things'] },
    'Namespaced',
    [
      { name: 'v1', storage: true, ...gadgetVersion },
      { name: 'v1beta1', storage: false, ...gadgetVersion },
    ],
  ),
  definition({ plural: 'sites', kind: 'Site', singular: 'site' }, 'Cluster', [siteVersion]),
];
