/** What a CustomResourceDefinition must satisfy, as apiextensions-apiserver has it. Pure: everything is in the object. */
import type { FieldError } from '../../errors.ts';
import { equalJson } from '../../../values/equal.ts';
import type { CustomResourceDefinition } from '../definition.ts';
import { validateColumns } from './columns.ts';
import { validateExpressions } from './expressions.ts';
import { validateNames, validateObjectName } from './names.ts';
import { validateSchemas } from './schemas.ts';
import { validateSelectableFields } from './selectable-fields.ts';
import { validateStoredVersions, validateUnchanged } from './update.ts';
import { validateScale } from './scale.ts';
import { validateVersions } from './versions.ts';

/** Checks that do not need each other. */
const CHECKS: readonly ((crd: CustomResourceDefinition) => FieldError[])[] = [
  validateNames,
  validateVersions,
  validateSchemas,
  validateScale,
  validateColumns,
  validateSelectableFields,
];

/**
 * All faults of a definition, each with the path of its field. A spec that stays as it is was let in before, and is
 * not looked at again.
 */
export function validateDefinition(
  crd: CustomResourceDefinition,
  old: CustomResourceDefinition | undefined,
): FieldError[] {
  const stored = validateStoredVersions(crd);
  if (old && equalJson(crd.spec, old.spec)) return stored;
  const errors = CHECKS.flatMap((check) => check(crd));
  return [
    ...(old ? [] : validateObjectName(crd)),
    ...errors,
    // Rules are typed by the schema, so they say nothing sensible about a faulty one.
    ...(errors.length === 0 ? validateExpressions(crd) : []),
    ...(old ? validateUnchanged(crd, old) : []),
    ...stored,
  ];
}
