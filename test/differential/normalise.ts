import type { Answer } from './scenario.ts';

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const isUid = (text: string): boolean => text.replace(UUID, '') === '';
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g;

/**
 * Replaces what differs from run to run by names that stay: the UID of an object by `uid of NAME` wherever it occurs, its
 * versions by their order, so that it still shows where two answers speak of the same object or of the same version.
 */
export class Normaliser {
  readonly #namespace: string;
  readonly #uids = new Names('uid');
  readonly #versions = new Names('version');

  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  normalise({ status, headers, body }: Answer): Answer {
    return {
      status,
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, this.#text(value)])),
      body: this.#value(body),
    };
  }

  #value(value: unknown, key = '', of = ''): unknown {
    if (typeof value === 'string') return this.#field(key, value, of);
    if (Array.isArray(value)) {
      const items = value.map((item) => this.#value(item));
      return key === 'managedFields' ? items.toSorted(byManager) : items;
    }
    if (typeof value !== 'object' || value === null) return value;
    const record = ofTheMoment(value as Record<string, unknown>);
    const name = this.#text(textOf(record['generateName']) || textOf(record['name']));
    const fields = Object.entries(record).map(
      ([field, item]) => [this.#text(field), this.#value(item, field, name)] as const,
    );
    return withSortedCauses(withoutGeneratedName(Object.fromEntries(fields)));
  }

  /** @param of the name of the object whose field it is */
  #field(key: string, value: string, of: string): string {
    if (key === 'resourceVersion' && /^[1-9]\d*$/.test(value)) return this.#versions.of(value, of);
    if (key === 'uid' && isUid(value)) return this.#uids.of(value, of);
    if (key === 'continue' && value !== '') return '<continue>';
    if (key === 'storageVersionHash') return '<hash>';
    return this.#text(value);
  }

  #text(value: string): string {
    return value
      .replaceAll(this.#namespace, '<namespace>')
      .replaceAll(UUID, (uid) => this.#uids.of(uid))
      .replaceAll(TIME, '<time>')
      .replaceAll(/(current: |too old resource version: 1 \(|in record \()\d+/g, '$1<version>')
      .replaceAll(/"\{(?:[^"\\]|\\.)*\}"/g, '"<object>"');
  }
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** Managers come in the order of whole seconds, which depends on when one ends. */
const byManager = (a: unknown, b: unknown): number => (identityOf(a) < identityOf(b) ? -1 : 1);

function identityOf(entry: unknown): string {
  const { operation, manager, apiVersion, subresource } = entry as Record<string, string | undefined>;
  return JSON.stringify([operation, manager, apiVersion, subresource]);
}

/** The suffix of a generated name is random. */
function withoutGeneratedName(object: Record<string, unknown>): Record<string, unknown> {
  const { name, generateName } = object;
  if (typeof name !== 'string' || typeof generateName !== 'string') return object;
  return { ...object, name: name.replace(/[a-z0-9]{5}$/, '<random>') };
}

/** A list or a bookmark has the version of the moment, which depends on what else the server was doing. */
function ofTheMoment(object: Record<string, unknown>): Record<string, unknown> {
  const { kind, type } = object;
  const { metadata, object: subject } = object as Record<string, Record<string, unknown> | undefined>;
  if (/(List|Table)$/.test(textOf(kind)) && metadata?.['resourceVersion'])
    return { ...object, metadata: { ...metadata, resourceVersion: '<version>' } };
  if (type === 'BOOKMARK') return { ...object, object: ofTheMoment({ ...subject, kind: 'List' }) };
  return object;
}

/** Faults come in any order. */
function withSortedCauses(status: Record<string, unknown>): Record<string, unknown> {
  const { message, details } = status as { message?: string; details?: { causes?: object[] } };
  if (!Array.isArray(details?.causes) || details.causes.length < 2) return status;
  const causes = details.causes.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  return { ...status, message: message?.replace(/\[.*\]/s, '[<causes>]'), details: { ...details, causes } };
}

class Names {
  readonly #what: string;
  readonly #seen = new Map<string, string>();
  readonly #counts = new Map<string, number>();

  constructor(what: string) {
    this.#what = what;
  }

  /** The first that is told of an owner is `WHAT 1 of OWNER`, and stays so. */
  of(value: string, owner = 'something'): string {
    const known = this.#seen.get(value);
    if (known !== undefined) return known;
    const count = (this.#counts.get(owner) ?? 0) + 1;
    this.#counts.set(owner, count);
    const name = `${this.#what} ${count} of ${owner}`;
    this.#seen.set(value, name);
    return name;
  }
}
