/** What is wrong with a definition, as lines. */
import { validateDefinition } from '../../../../src/apiserver/crd/validate/index.ts';
import type { Schema } from '../../../../src/apiserver/schema/schema.ts';
import { definition, rootOf, version } from './definitions.ts';

export const faults = (crd = definition(), old?: ReturnType<typeof definition>) =>
  validateDefinition(crd, old).map(({ field, message }) => `${field}: ${message}`);

export const SPEC = 'spec.validation.openAPIV3Schema.properties[spec]';

/** The faults of a definition whose spec has one field, without the path to it. */
export const fieldFaults = (schema: Schema) =>
  faults(
    definition({ versions: [version('v1', { schema: { openAPIV3Schema: rootOf({ x: schema }) } })] }),
  ).map((line) => line.replaceAll(`${SPEC}.properties[x]`, 'x'));
