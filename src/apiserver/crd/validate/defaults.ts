import { fieldError } from '../../errors.ts';
import type { FieldError } from '../../errors.ts';
import { applyDefaults } from '../../schema/default.ts';
import { prune } from '../../schema/prune.ts';
import { validateRules } from '../../schema/rules.ts';
import { validateSchema } from '../../schema/validate.ts';
import { everyNode } from './walk.ts';
import type { Node } from './walk.ts';

/** Every default must be what a client could have sent: known fields only, and valid with the defaults within. */
export function validateDefaults(root: Node): FieldError[] {
  return everyNode(root).flatMap((node) => (node.schema.default === undefined ? [] : validateDefault(node)));
}

function validateDefault({ schema, path, level }: Node): FieldError[] {
  const field = `${path}.default`;
  if (level === 'root') return [fieldError.forbidden(field, 'must not be set at the root')];
  const value = structuredClone(schema.default);
  // Wrapped, so that the value is not taken for the root of an object, whose metadata is always known.
  const wrapper = { type: 'object', properties: { value: schema } };
  if (prune({ value }, wrapper).length > 0) {
    return [fieldError.invalid(field, schema.default, 'must not have unknown fields')];
  }
  applyDefaults(value, schema);
  const errors = validateSchema(value, schema, field);
  return errors.length > 0 ? errors : ruleFaults(value, { schema, path: field });
}

/** Rules that do not even compile are reported as rules. */
function ruleFaults(value: unknown, { schema, path }: Pick<Node, 'schema' | 'path'>): FieldError[] {
  try {
    return validateRules(value, undefined, schema, path);
  } catch {
    return [];
  }
}
