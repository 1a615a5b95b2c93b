import { createHash } from 'node:crypto';
import { byPriority } from './crd/version-order.ts';
import type { Resource } from './resource.ts';
import type { Schema } from './schema/schema.ts';

/** The resources being served, by group, version and plural. */
export class Registry {
  readonly #builtins: readonly Resource[];
  readonly #retirements = new Map<Schema, AbortController>();
  #resources: readonly Resource[] = [];
  #byPath = new Map<string, Resource>();
  #byKind = new Map<string, Resource>();
  #etag = '';

  constructor(builtins: readonly Resource[]) {
    this.#builtins = builtins;
    this.publish([]);
  }

  /**
   * Replaces all custom resources at once. Requests that are under way go on with what they found; watches end when
   * the schema that they show objects by is not among the new ones, as the same object.
   */
  publish(custom: readonly Resource[]): void {
    const next = [...this.#builtins, ...custom];
    const kept = new Set(next.map(({ schema }) => schema));
    this.#resources = next;
    this.#byPath = new Map(next.map((r) => [pathKey(r), r]));
    this.#byKind = kindIndex(next);
    this.#etag = '';
    for (const [schema, retirement] of this.#retirements) {
      if (kept.has(schema)) continue;
      this.#retirements.delete(schema);
      retirement.abort();
    }
  }

  /** Aborted when the resource is removed, or replaced by one that shows its objects differently. */
  retirementOf({ schema }: Resource): AbortSignal {
    const retirement = this.#retirements.get(schema) ?? new AbortController();
    if (this.#resources.some((resource) => resource.schema === schema)) {
      this.#retirements.set(schema, retirement);
    } else retirement.abort();
    return retirement.signal;
  }

  all(): readonly Resource[] {
    return this.#resources;
  }

  builtins(): readonly Resource[] {
    return this.#builtins;
  }

  find(group: string, version: string, plural: string): Resource | undefined {
    return this.#byPath.get(`${group}/${version}/${plural}`);
  }

  /** By `apiVersion` and kind; a version that is not served (any more) gives one that is. */
  findKind(apiVersion: string, kind: string): Resource | undefined {
    return this.#byKind.get(`${apiVersion}/${kind}`) ?? this.#byKind.get(`${groupOf(apiVersion)}/*/${kind}`);
  }

  /** Group to versions, the preferred one first; groups in the order of their resources; the core group is ''. */
  groups(): Map<string, string[]> {
    const groups = new Map<string, string[]>();
    for (const { group, version } of this.#resources) {
      const versions = groups.get(group) ?? [];
      if (!versions.includes(version)) versions.push(version);
      groups.set(group, versions.sort(byPriority));
    }
    return groups;
  }

  of(group: string, version: string): Resource[] {
    return this.#resources.filter((r) => r.group === group && r.version === version);
  }

  /** Changes whenever discovery does. */
  etag(): string {
    this.#etag ||= createHash('sha256').update(JSON.stringify(this.#resources)).digest('hex').toUpperCase();
    return this.#etag;
  }
}

const pathKey = (r: Resource): string => `${r.group}/${r.version}/${r.plural}`;

const groupOf = (apiVersion: string): string =>
  (apiVersion.includes('/') ? apiVersion.split('/', 1)[0] : '') ?? '';

/** By version and kind, and by kind alone: the first version of it that is served. */
function kindIndex(resources: readonly Resource[]): Map<string, Resource> {
  const anyVersion = resources.toReversed().map((r) => [`${r.group}/*/${r.kind}`, r] as const);
  return new Map([...anyVersion, ...resources.map((r) => [`${r.apiVersion}/${r.kind}`, r] as const)]);
}
