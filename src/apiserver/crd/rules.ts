/** CustomResourceDefinition as a built-in kind: what the server fills in, and what it refuses. */
import { fieldError } from '../errors.ts';
import { isObject } from '../object.ts';
import { equalJson } from '../../values/equal.ts';
import type { JsonObject } from '../object.ts';
import type { BuiltinRules } from '../resource.ts';
import { markForCleanup } from './cleanup.ts';
import { storageVersionOf } from './definition.ts';
import type { CrdSpec, CrdStatus, CustomResourceDefinition } from './definition.ts';
import { validateDefinition } from './validate/index.ts';

export const definitionRules: BuiltinRules = {
  prepare(object, old) {
    if (!isObject(object.spec)) return;
    setSpecDefaults(object.spec);
    const changed = old !== undefined && !equalJson(object.spec, old.spec);
    object.metadata.generation = old ? (old.metadata.generation ?? 1) + Number(changed) : 1;
    object.status = statusFor(object.spec, old?.status) as JsonObject;
  },
  validate(object, old) {
    if (old && !object.metadata.resourceVersion) {
      return [fieldError.invalid('metadata.resourceVersion', 0, 'must be specified for an update')];
    }
    return validateDefinition(
      object as CustomResourceDefinition,
      old as CustomResourceDefinition | undefined,
    );
  },
  markDeleted: markForCleanup,
};

/** The conversion and the names that follow from others. */
function setSpecDefaults(spec: JsonObject): void {
  spec['conversion'] ??= { strategy: 'None' };
  if (spec['preserveUnknownFields'] === false) delete spec['preserveUnknownFields'];
  const { names } = spec;
  if (!isObject(names) || typeof names['kind'] !== 'string' || names['kind'] === '') return;
  names['singular'] ||= names['kind'].toLowerCase();
  names['listKind'] ||= `${names['kind']}List`;
}

/** Before anything is known of its names. */
const UNJUDGED: JsonObject = { conditions: [], acceptedNames: { plural: '', kind: '' } };

/** Objects may be stored in every version that ever was the one to store. */
function statusFor(spec: JsonObject, old: JsonObject | undefined): CrdStatus {
  const status = structuredClone(old ?? UNJUDGED) as CrdStatus;
  const versions = Array.isArray(spec['versions']) ? spec['versions'] : [];
  const storage = versions.every(isObject) ? storageVersionOf({ versions } as unknown as CrdSpec) : '';
  const stored = status.storedVersions ?? [];
  return { ...status, storedVersions: !storage || stored.includes(storage) ? stored : [...stored, storage] };
}
