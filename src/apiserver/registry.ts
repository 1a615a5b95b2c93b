import { createHash } from 'node:crypto';
import type { Resource } from './resource.ts';

/** The resources being served, by group, version and plural. Replaceable as a whole when CRDs change. */
export class Registry {
  #resources: Resource[] = [];
  #byPath = new Map<string, Resource>();
  #byKind = new Map<string, Resource>();
  #etag = '';

  add(resource: Resource): void {
    const others = this.#resources.filter((r) => pathKey(r) !== pathKey(resource));
    this.#resources = [...others, resource];
    this.#byPath = new Map(this.#resources.map((r) => [pathKey(r), r]));
    this.#byKind = new Map(this.#resources.map((r) => [`${r.apiVersion}/${r.kind}`, r]));
    this.#etag = '';
  }

  all(): readonly Resource[] {
    return this.#resources;
  }

  find(group: string, version: string, plural: string): Resource | undefined {
    return this.#byPath.get(`${group}/${version}/${plural}`);
  }

  findKind(apiVersion: string, kind: string): Resource | undefined {
    return this.#byKind.get(`${apiVersion}/${kind}`);
  }

  /** Group to versions, in the order that they were added; the core group is ''. */
  groups(): Map<string, string[]> {
    const groups = new Map<string, string[]>();
    for (const { group, version } of this.#resources) {
      const versions = groups.get(group) ?? [];
      if (!versions.includes(version)) versions.push(version);
      groups.set(group, versions);
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
