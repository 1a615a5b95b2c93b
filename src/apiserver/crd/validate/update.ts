import { fieldError } from '../../errors.ts';
import type { FieldError } from '../../errors.ts';
import { isTrue, storageVersionOf } from '../definition.ts';
import type { CustomResourceDefinition } from '../definition.ts';

/** What the keys and the kinds of stored objects depend on stays. */
export function validateUnchanged(
  { spec }: CustomResourceDefinition,
  old: CustomResourceDefinition,
): FieldError[] {
  const same = (field: string, now: unknown, before: unknown): FieldError[] =>
    now === before ? [] : [fieldError.invalid(field, now, 'field is immutable')];
  const established = isTrue(old.status, 'Established')
    ? [
        ...same('spec.scope', spec.scope, old.spec.scope),
        ...same('spec.names.kind', spec.names?.kind, old.spec.names.kind),
      ]
    : [];
  return [
    ...established,
    ...same('spec.group', spec.group, old.spec.group),
    ...same('spec.names.plural', spec.names?.plural, old.spec.names.plural),
  ];
}

/** Whatever version objects may be stored in must stay known, and the present storage version is one of them. */
export function validateStoredVersions({ spec, status }: CustomResourceDefinition): FieldError[] {
  const field = 'status.storedVersions';
  const stored = status?.storedVersions ?? [];
  const versions = spec.versions ?? [];
  const known = new Set(versions.map(({ name }) => name));
  if (stored.length === 0) return [fieldError.invalid(field, null, 'must have at least one stored version')];
  const lost = stored.flatMap((version, i) =>
    known.has(version) ? [] : [fieldError.invalid(`${field}[${i}]`, version, lostVersion(version))],
  );
  const storage = storageVersionOf({ ...spec, versions });
  return storage && !stored.includes(storage)
    ? [...lost, fieldError.invalid(field, stored, `must have the storage version ${storage}`)]
    : lost;
}

const lostVersion = (version: string): string =>
  `missing from spec.versions; ${version} was previously a storage version, and must remain in spec.versions until a ` +
  `storage migration ensures no data remains persisted in ${version} and removes ${version} from status.storedVersions`;
