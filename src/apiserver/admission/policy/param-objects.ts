/**
 * The objects that policies have for parameters, as expressions see them. They are looked for at every write that a
 * policy is about, so what is known of them stays known: the labels of all of a kind that is selected from, and what was
 * made of those that were read.
 */
import type { Store } from '../../../store/index.ts';
import { selects } from '../../authz/label-selector.ts';
import type { LabelSelector } from '../../authz/label-selector.ts';
import { ByNamespace, byName } from '../../by-namespace.ts';
import { readEntry } from '../../codec.ts';
import type { Logger } from '../../context.ts';
import { follow } from '../../follow.ts';
import type { Feed } from '../../follow.ts';
import type { KubeObject } from '../../object.ts';
import { RecentlyUsed } from '../../recently.ts';
import { keyOf, keyPrefix } from '../../resource.ts';
import type { Resource } from '../../resource.ts';
import { toDynamic } from '../expressions.ts';
import type { AdmissionRequest } from '../request.ts';

/** Where parameters of a policy come from; a value is what `params` is in its expressions. */
export interface ParamObjects {
  named(resource: Resource, namespace: string | undefined, name: string): readonly unknown[];
  /** In the order of their names. Throws {@link TooManyParams}. */
  selected(resource: Resource, namespace: string | undefined, selector: LabelSelector): readonly unknown[];
}

/** Each of them is a policy's evaluation of its own, at every write. */
export const MAX_SELECTED = 256;

export class TooManyParams extends Error {
  override readonly name = 'TooManyParams';
  readonly #selection: Selection;

  constructor(selection: Selection, count: number) {
    super(
      `paramRef.selector selects ${count} objects of kind ${selection.resource.kind}, and at most ${MAX_SELECTED} are evaluated: ` +
        'narrow the selector, or delete some of them',
    );
    this.#selection = selection;
  }

  /** Whether a write makes them fewer: that is the way out. */
  isEasedBy({ resource, namespace, object, old }: Written): boolean {
    const { resource: params, namespace: within, selector } = this.#selection;
    const selected = (one: KubeObject | undefined): boolean =>
      one !== undefined && selects(selector, one.metadata.labels ?? {});
    const amongThem = resource.plural === params.plural && resource.group === params.group;
    return amongThem && namespace === within && selected(old) && !selected(object);
  }
}

interface Selection {
  readonly resource: Resource;
  readonly namespace: string | undefined;
  readonly selector: LabelSelector;
}

type Written = Pick<AdmissionRequest, 'resource' | 'namespace' | 'object' | 'old'>;

/** Kept of one version of a kind: values, and the characters of the texts that they were read from. */
const MOST_VALUES = 1024;
const MOST_CHARACTERS = 4 * 1024 * 1024;

interface Known {
  readonly labels: Readonly<Record<string, string>>;
  readonly revision: number;
}

const knownOf = ({ metadata: { labels = {}, resourceVersion } }: KubeObject): Known => ({
  labels,
  revision: Number(resourceVersion),
});

export class StoredParams implements ParamObjects, Feed {
  readonly #store: Store;
  readonly #logger: Logger;
  /** By the prefix of a kind's keys; a kind that was selected from once will be again. */
  readonly #selectable = new Map<string, { readonly index: ByNamespace<Known>; readonly feed: Feed }>();
  /** By revision. A definition that changes makes another resource, which may see the same text in another way. */
  readonly #values = new WeakMap<Resource, RecentlyUsed<number, unknown>>();

  constructor(store: Store, logger: Logger) {
    this.#store = store;
    this.#logger = logger;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#selectable.values()].map(({ feed }) => feed.close()));
  }

  named(resource: Resource, namespace: string | undefined, name: string): readonly unknown[] {
    return this.#read(resource, namespace, name);
  }

  selected(resource: Resource, namespace: string | undefined, selector: LabelSelector): readonly unknown[] {
    const found = [...this.#indexOf(resource).in(namespace ?? '')].filter(([, { labels }]) =>
      selects(selector, labels),
    );
    if (found.length > MAX_SELECTED) throw new TooManyParams({ resource, namespace, selector }, found.length);
    return found.toSorted(byName).flatMap(([name, { revision }]) => {
      const value = this.#valuesOf(resource).get(revision);
      return value === undefined ? this.#read(resource, namespace, name) : [value];
    });
  }

  #indexOf(resource: Resource): ByNamespace<Known> {
    const prefix = keyPrefix(resource);
    let selectable = this.#selectable.get(prefix);
    if (!selectable) {
      const index = new ByNamespace(knownOf);
      selectable = { index, feed: follow(this.#store, prefix, index, this.#logger) };
      this.#selectable.set(prefix, selectable);
    }
    return selectable.index;
  }

  #read(resource: Resource, namespace: string | undefined, name: string): readonly unknown[] {
    const entry = this.#store.get(keyOf(resource, namespace, name));
    if (!entry) return [];
    const values = this.#valuesOf(resource);
    const known = values.get(entry.revision);
    if (known !== undefined) return [known];
    const value = toDynamic(readEntry(entry, resource));
    values.add(entry.revision, value, entry.value.length);
    return [value];
  }

  #valuesOf(resource: Resource): RecentlyUsed<number, unknown> {
    const values =
      this.#values.get(resource) ?? new RecentlyUsed<number, unknown>(MOST_VALUES, MOST_CHARACTERS);
    this.#values.set(resource, values);
    return values;
  }
}
