/** The schema of CustomResourceDefinition (apiextensions.k8s.io/v1) itself. */
import { nameSchema } from '../schema/reference.ts';
import type { Schema } from '../schema/schema.ts';
import { boolean, integer, kindSchema, list, object, string, time } from './schemas.ts';

const JSON_SCHEMA = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps';

const atomic: Schema = { 'x-kubernetes-list-type': 'atomic' };
const text: Schema = { type: 'string' };
const anything = (description: string): Schema => ({
  description,
  'x-kubernetes-preserve-unknown-fields': true,
});
const number = (description: string): Schema => ({ type: 'number', format: 'double', description });
const count = (description: string): Schema => ({ type: 'integer', format: 'int64', description });

const self: Schema = { $ref: `#/components/schemas/${JSON_SCHEMA}` };
const selves: Schema = { type: 'array', items: self, ...atomic };
const selfByName: Schema = { type: 'object', additionalProperties: self };

const validationRule = object('ValidationRule describes a validation rule written in the CEL language.', {
  rule: string('The expression; `self` is the value at the place of the rule, `oldSelf` its previous state.'),
  message: string('What to say when the rule is broken.'),
  messageExpression: string('An expression that makes the message.'),
  reason: string('A machine-readable reason for the failure.'),
  fieldPath: string('The field to blame, relative to the place of the rule.'),
  optionalOldSelf: boolean('Evaluates a rule over time for new values too; oldSelf is an optional then.'),
});

/**
 * A schema is what it describes. It has no type of its own here, since some of its places take a boolean as well;
 * the rules for definitions look after that.
 */
const jsonSchema = nameSchema(JSON_SCHEMA, {
  description: 'JSONSchemaProps is a JSON-Schema following Specification Draft 4 (http://json-schema.org/).',
  properties: {
    id: text,
    $schema: text,
    $ref: text,
    description: text,
    type: text,
    format: string('An OpenAPI v3 format; an unknown one is ignored.'),
    title: text,
    default: anything('The value of an absent field.'),
    maximum: number('The greatest number.'),
    exclusiveMaximum: boolean('Whether the maximum itself is excluded.'),
    minimum: number('The least number.'),
    exclusiveMinimum: boolean('Whether the minimum itself is excluded.'),
    maxLength: count('The greatest length in characters.'),
    minLength: count('The least length in characters.'),
    pattern: string('A regular expression in the syntax of RE2.'),
    maxItems: count('The greatest number of items.'),
    minItems: count('The least number of items.'),
    uniqueItems: boolean('Must not be true.'),
    multipleOf: number('What a number must be a multiple of.'),
    enum: list('The values allowed.', anything('A value.'), atomic),
    maxProperties: count('The greatest number of fields.'),
    minProperties: count('The least number of fields.'),
    required: list('Fields that must be there.', text, atomic),
    items: self,
    allOf: selves,
    oneOf: selves,
    anyOf: selves,
    not: self,
    properties: selfByName,
    additionalProperties: self,
    patternProperties: selfByName,
    dependencies: anything('Must not be set.'),
    additionalItems: self,
    definitions: selfByName,
    externalDocs: object('A place to read more.', { description: text, url: text }),
    example: anything('An example.'),
    nullable: boolean('Whether null is a value.'),
    'x-kubernetes-preserve-unknown-fields': boolean('Keeps fields that the schema does not know.'),
    'x-kubernetes-embedded-resource': boolean('The value is a whole Kubernetes object.'),
    'x-kubernetes-int-or-string': boolean('The value is an integer or a string.'),
    'x-kubernetes-list-map-keys': list('The fields that tell items apart.', text, atomic),
    'x-kubernetes-list-type': string('atomic, set or map.'),
    'x-kubernetes-map-type': string('granular or atomic.'),
    'x-kubernetes-validations': list('Rules in the CEL language.', validationRule, {
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['rule'],
      'x-kubernetes-patch-merge-key': 'rule',
      'x-kubernetes-patch-strategy': 'merge',
    }),
  },
});

const names = (description: string): Schema =>
  object(description, {
    plural: string('The plural name of the resource, as in its URL: lower case.'),
    singular: string('The singular name, lower case. Default: the kind in lower case.'),
    shortNames: list('Short names for the command line.', text, atomic),
    kind: string('The kind: CamelCase and singular.'),
    listKind: string('The kind of a list. Default: the kind followed by "List".'),
    categories: list('Groups of resources such as "all".', text, atomic),
  });

const printerColumn = object('CustomResourceColumnDefinition specifies a column for server side printing.', {
  name: string('The heading.'),
  type: string('integer, number, string, boolean or date.'),
  format: string('An OpenAPI format.'),
  description: string('A human readable description of this column.'),
  priority: integer('0 is always shown, more only with `-o wide`.'),
  jsonPath: string('Where the value is.'),
});

const version = object('CustomResourceDefinitionVersion describes a version for CRD.', {
  name: string('The version, such as "v1" or "v2beta1".'),
  served: boolean('Whether it is served.'),
  storage: boolean('Whether objects are stored in this version: exactly one is true.'),
  deprecated: boolean('Whether clients are warned.'),
  deprecationWarning: string('What clients are warned with.'),
  schema: object('The schema for validation, pruning and defaulting.', { openAPIV3Schema: jsonSchema }),
  subresources: object('Subresources of this version.', {
    status: {
      type: 'object',
      description: 'Status and the rest are written separately.',
      'x-kubernetes-preserve-unknown-fields': true,
    },
    scale: object('How to serve the `/scale` subresource.', {
      specReplicasPath: string('JSONPath under `.spec` of the wanted number of replicas.'),
      statusReplicasPath: string('JSONPath under `.status` of the number of replicas there are.'),
      labelSelectorPath: string('JSONPath under `.spec` or `.status` of a label selector as text.'),
    }),
  }),
  additionalPrinterColumns: list('Columns of tables.', printerColumn, atomic),
  selectableFields: list(
    'Fields for field selectors, at most 8.',
    object('SelectField specifies the JSON path of a field.', { jsonPath: string('The path.') }),
    atomic,
  ),
});

const condition = object('A condition of the definition.', {
  type: string('Established, NamesAccepted or Terminating.'),
  status: string('True, False or Unknown.'),
  lastTransitionTime: time('Last time the condition transitioned from one status to another.'),
  reason: string('One-word reason for the last transition.'),
  message: string('Human-readable message about the last transition.'),
  observedGeneration: count('The generation that the condition was made from.'),
});

export const definitionSchema: Schema = kindSchema(
  'CustomResourceDefinition represents a resource that should be exposed on the API server. Its name MUST be in the ' +
    'format <.spec.names.plural>.<.spec.group>.',
  {
    spec: object('How the user wants the resources to appear.', {
      group: string('The API group of the resource.'),
      names: names('The names of the resource.'),
      scope: string('Cluster or Namespaced.'),
      versions: list('All versions of the resource.', version, atomic),
      conversion: object('How objects are converted between versions.', {
        strategy: string('None: only the apiVersion changes.'),
        webhook: anything('Not supported.'),
      }),
      preserveUnknownFields: boolean('Must be false.'),
    }),
    status: object('The actual state of the definition.', {
      conditions: list('The state of particular aspects.', condition, {
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['type'],
        'x-kubernetes-patch-merge-key': 'type',
        'x-kubernetes-patch-strategy': 'merge',
      }),
      acceptedNames: names('The names that are in use.'),
      storedVersions: list('The versions that objects may be stored in.', text, atomic),
    }),
  },
  ['spec'],
);
