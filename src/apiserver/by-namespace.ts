import type { Index } from './follow.ts';
import type { KubeObject } from './object.ts';

/** What is known of each object of a kind, by its namespace and name. */
export class ByNamespace<Known> implements Index {
  readonly #read: (object: KubeObject) => Known;
  readonly #known = new Map<string, Map<string, Known>>();

  /** @param read what is to be known of an object */
  constructor(read: (object: KubeObject) => Known) {
    this.#read = read;
  }

  clear(): void {
    this.#known.clear();
  }

  observe(current: KubeObject | undefined, previous: KubeObject | undefined): void {
    const { name = '', namespace = '' } = (current ?? previous)?.metadata ?? {};
    const here = this.#known.get(namespace) ?? new Map<string, Known>();
    if (current) here.set(name, this.#read(current));
    else here.delete(name);
    if (here.size > 0) this.#known.set(namespace, here);
    else this.#known.delete(namespace);
  }

  /** In no order. @param namespace empty for what belongs to none */
  in(namespace: string): Iterable<readonly [name: string, Known]> {
    return this.#known.get(namespace) ?? [];
  }
}

/** Names in the order of their code units, as Go sorts them. */
export const byName = (
  [a]: readonly [name: string, unknown],
  [b]: readonly [name: string, unknown],
): number => (a < b ? -1 : 1);
