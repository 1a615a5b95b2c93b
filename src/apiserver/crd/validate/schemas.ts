/** The schema of every version: structural, with sensible lists and defaults that satisfy it. */
import { fieldError } from '../../errors.ts';
import type { FieldError } from '../../errors.ts';
import { isObject } from '../../object.ts';
import type { CustomResourceDefinition } from '../definition.ts';
import { validateDefaults } from './defaults.ts';
import { aspectOf } from './hoisted.ts';
import { validateKeywords } from './keywords.ts';
import { validateLists } from './lists.ts';
import { validateRestrictions } from './restrictions.ts';
import { validateStructure } from './structure.ts';
import { everyNode } from './walk.ts';
import type { Node } from './walk.ts';

const STRUCTURE_CHECKS: readonly ((node: Node) => FieldError[])[] = [
  validateStructure,
  validateRestrictions,
  validateLists,
];

/** What may not stand at the root beside a status subresource: it would speak of spec and status at once. */
const NOT_BESIDE_STATUS = [
  'additionalProperties',
  'allOf',
  'anyOf',
  'default',
  'enum',
  'maxProperties',
  'minProperties',
  'not',
  'nullable',
  'oneOf',
] as const;

export function validateSchemas({ spec }: CustomResourceDefinition): FieldError[] {
  return aspectOf({ ...spec, versions: spec.versions ?? [] }, 'schema').flatMap(
    ({ value, version, path }) => {
      const schema = value?.openAPIV3Schema;
      if (schema === undefined) return [];
      const root: Node = { schema, path: `${path}.openAPIV3Schema`, level: 'root' };
      if (!isObject(schema)) return [fieldError.typeInvalid(root.path, schema, 'must be an object')];
      const nodes = everyNode(root);
      // Each step judges by what has passed the one before: a default, say, by a schema that is one.
      const steps = [
        () => nodes.flatMap(validateKeywords),
        () => nodes.flatMap((node) => STRUCTURE_CHECKS.flatMap((check) => check(node))),
        () => (version.subresources?.status ? besideStatus(root) : []),
        () => validateDefaults(root),
      ];
      return steps.reduce<FieldError[]>((errors, step) => (errors.length > 0 ? errors : step()), []);
    },
  );
}

const besideStatus = ({ schema, path }: Node): FieldError[] =>
  NOT_BESIDE_STATUS.filter((keyword) => schema[keyword] !== undefined).map((keyword) =>
    fieldError.forbidden(
      `${path}.${keyword}`,
      'must not be used at the root of the schema if the status subresource is enabled',
    ),
  );
