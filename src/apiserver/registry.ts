import { createHash } from 'node:crypto';
import { byPriority } from './crd/version-order.ts';
import type { Resource } from './resource.ts';

/** The resources being served, by group, version and plural. */
export class Registry {
  readonly #builtins: readonly Resource[];
  readonly #retirements = new Map<Resource, AbortController>();
  #resources: readonly Resource[] = [];
  #byPath = new Map<string, Resource>();
  #byKind = new Map<string, Resource>();
  #etag = '';

  constructor(builtins: readonly Resource[]) {
    this.#builtins = builtins;
    this.publish([]);
  }

  /**
   * Replaces all custom resources at once. Requests that are under way go on with what they found; watches of a
   * resource that is not among the new ones, as the same object, end.
   */
  publish(custom: readonly Resource[]): void {
    const next = [...this.#builtins, ...custom];
    const kept = new Set(next);
    const retired = this.#resources.filter((resource) => !kept.has(resource));
    this.#resources = next;
    this.#byPath = new Map(next.map((r) => [pathKey(r), r]));
    this.#byKind = kindIndex(next);
    this.#etag = '';
    for (const resource of retired) this.#retire(resource);
  }

  /** Aborted when the resource is removed or replaced. */
  retirementOf(resource: Resource): AbortSignal {
    const controller = this.#retirements.get(resource) ?? new AbortController();
    if (this.#resources.includes(resource)) this.#retirements.set(resource, controller);
    else controller.abort();
    return controller.signal;
  }

  #retire(resource: Resource): void {
    this.#retirements.get(resource)?.abort();
    this.#retirements.delete(resource);
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
