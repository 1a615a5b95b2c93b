import type { Answer } from './scenario.ts';

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g;

/**
 * Replaces what differs from run to run by names that stay: the first UID of a scenario is `uid-1` wherever it occurs,
 * so that it still shows where two answers speak of the same object, or of the same version of it.
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

  #value(value: unknown, key = ''): unknown {
    if (typeof value === 'string') return this.#field(key, value);
    if (Array.isArray(value)) return value.map((item) => this.#value(item));
    if (typeof value !== 'object' || value === null) return value;
    const fields = Object.entries(ofTheMoment(value as Record<string, unknown>)).map(
      ([name, item]) => [this.#text(name), this.#value(item, name)] as const,
    );
    return withSortedCauses(withoutGeneratedName(Object.fromEntries(fields)));
  }

  #field(key: string, value: string): string {
    if (key === 'resourceVersion' && /^[1-9]\d*$/.test(value)) return this.#versions.of(value);
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

/** The suffix of a generated name is random. */
function withoutGeneratedName(object: Record<string, unknown>): Record<string, unknown> {
  const { name, generateName } = object;
  if (typeof name !== 'string' || typeof generateName !== 'string') return object;
  return { ...object, name: name.replace(/[a-z0-9]{5}$/, '<random>') };
}

/** A list or a bookmark has the version of the moment, which depends on what else the server was doing. */
function ofTheMoment(object: Record<string, unknown>): Record<string, unknown> {
  const {
    kind,
    type,
    metadata,
    object: subject,
  } = object as Record<string, Record<string, unknown> | undefined>;
  if (/(List|Table)$/.test(String(kind)) && metadata?.['resourceVersion'])
    return { ...object, metadata: { ...metadata, resourceVersion: '<version>' } };
  if (String(type) === 'BOOKMARK') return { ...object, object: ofTheMoment({ ...subject, kind: 'List' }) };
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
  readonly #prefix: string;
  readonly #seen = new Map<string, string>();

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  of(value: string): string {
    const known = this.#seen.get(value) ?? `${this.#prefix}-${this.#seen.size + 1}`;
    this.#seen.set(value, known);
    return known;
  }
}
