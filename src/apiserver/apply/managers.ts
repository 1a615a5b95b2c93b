/** Who manages which fields of an object: `metadata.managedFields` and its in-memory form. */
import { isObject } from '../object.ts';
import type { Json, JsonObject } from '../object.ts';
import { isEmpty, union } from './field-set.ts';
import type { FieldSet } from './field-set.ts';
import { parseFields, serializeFields } from './fields-v1.ts';

export type Operation = 'Apply' | 'Update';

export interface Manager {
  readonly manager: string;
  readonly operation: Operation;
  readonly apiVersion: string;
  /** Empty for the main resource. */
  readonly subresource: string;
  readonly time: string | undefined;
  readonly fields: FieldSet;
}

/** By identity. */
export type Managers = ReadonlyMap<string, Manager>;

export const NO_MANAGERS: Managers = new Map();

/**
 * What tells managers apart: name, operation and subresource, and the version for those that update; one that
 * applies stays the same over versions.
 */
export const identityOf = ({
  manager,
  operation,
  apiVersion,
  subresource,
}: Pick<Manager, 'manager' | 'operation' | 'apiVersion' | 'subresource'>): string =>
  JSON.stringify({
    manager,
    operation,
    ...(operation === 'Update' && { apiVersion }),
    ...(subresource && { subresource }),
  });

/** Throws an Error for a list that is no valid `managedFields`. */
export function decodeManagers(entries: readonly Json[]): Managers {
  return new Map(
    entries.map((entry, i) => {
      const manager = decodeManager(entry, i);
      return [identityOf(manager), manager];
    }),
  );
}

function decodeManager(entry: Json, i: number): Manager {
  if (!isObject(entry)) throw new Error(`managed fields entry ${i} must be an object`);
  const { operation, fieldsType } = entry;
  if (operation !== 'Apply' && operation !== 'Update')
    throw new Error('operation must be `Apply` or `Update`');
  const apiVersion = text(entry, 'apiVersion');
  if (apiVersion === '') throw new Error('apiVersion must not be empty');
  if (fieldsType !== 'FieldsV1') throw new Error(`invalid fieldsType in managed fields entry ${i}`);
  return {
    manager: text(entry, 'manager'),
    operation,
    apiVersion,
    subresource: text(entry, 'subresource'),
    time: text(entry, 'time') || undefined,
    fields: parseFields(entry['fieldsV1'] ?? {}),
  };
}

function text(entry: JsonObject, field: string): string {
  const value = entry[field];
  return typeof value === 'string' ? value : '';
}

/** As `managedFields`: who applies before who updates, the older first. */
export const encodeManagers = (managers: Managers): JsonObject[] =>
  [...managers.values()].sort(compareManagers).map(encodeManager);

const encodeManager = (one: Manager): JsonObject => ({
  ...(one.manager && { manager: one.manager }),
  operation: one.operation,
  apiVersion: one.apiVersion,
  ...(one.time && { time: one.time }),
  fieldsType: 'FieldsV1',
  fieldsV1: serializeFields(one.fields),
  ...(one.subresource && { subresource: one.subresource }),
});

const compareManagers = (a: Manager, b: Manager): number =>
  compareTexts(a.operation, b.operation) ||
  seconds(a) - seconds(b) ||
  compareTexts(a.manager, b.manager) ||
  compareTexts(a.apiVersion, b.apiVersion) ||
  compareTexts(a.subresource, b.subresource);

const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const seconds = ({ time }: Manager): number =>
  time === undefined ? 0 : Math.floor(Date.parse(time) / 1000) || 0;

/** Nobody is listed without fields. */
export const withoutIdle = (managers: Managers): Managers =>
  new Map([...managers].filter(([, { fields }]) => !isEmpty(fields)));

export function withManager(managers: Managers, manager: Manager): Managers {
  return withoutIdle(new Map([...managers, [identityOf(manager), manager]]));
}

const MAX_UPDATERS = 10;
const OLD_UPDATERS = 'ancient-changes';

/** Merges the oldest that updated, by version, until no more than ten are left. */
export function capUpdaters(managers: Managers): Managers {
  const updaters = [...managers].filter(([, { operation }]) => operation === 'Update');
  let excess = updaters.length - MAX_UPDATERS;
  if (excess <= 0) return managers;
  updaters.sort(([i, a], [j, b]) => seconds(a) - seconds(b) || compareTexts(i, j));
  const capped = new Map(managers);
  /** Of each version, the first seen; it goes into the bucket together with the second. */
  const firsts = new Map<string, string>();
  for (const [identity, { apiVersion, fields, time }] of updaters) {
    if (excess === 0) break;
    const bucket = { manager: OLD_UPDATERS, operation: 'Update', apiVersion, subresource: '' } as const;
    const at = identityOf(bucket);
    const first = firsts.get(apiVersion);
    if (first === undefined || identity === at) {
      firsts.set(apiVersion, identity);
      continue;
    }
    const into = capped.get(at) ?? capped.get(first);
    if (!capped.has(at)) capped.delete(first);
    capped.delete(identity);
    capped.set(at, { ...bucket, time, fields: into ? union(fields, into.fields) : fields });
    excess--;
  }
  return capped;
}
