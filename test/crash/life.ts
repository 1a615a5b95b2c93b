/** The objects of one life, and what a user does to them. */
import type { ApiClient } from '../../src/reconcile/api-client.ts';
import type { ObjectPath, ResourceType } from '../../src/reconcile/api.ts';
import type { Resource } from '../../src/resources/metadata.ts';
import { namespaceOf } from './life-names.ts';

const purlin = (plural: string): ResourceType => ({ group: 'purlin.dev', version: 'v1alpha1', plural });
const core = (plural: string): ResourceType => ({ group: '', version: 'v1', plural });

/** Everything that a life consists of, in the order in which it is shown. */
export const kindsOfLife = ['images', 'subnets', 'disks', 'machines', 'placements', 'ipaddresses'] as const;

/** What a user does to one life's objects. */
export class Life {
  readonly namespace: string;
  readonly #api: ApiClient;

  constructor(api: ApiClient, life: number) {
    this.#api = api;
    this.namespace = namespaceOf(life);
  }

  async create(kind: string, name: string, spec: object): Promise<void> {
    const type = purlin(`${kind.toLowerCase()}s`);
    const metadata = { name, namespace: this.namespace };
    await this.#api.create(type, this.namespace, { apiVersion: 'purlin.dev/v1alpha1', kind, metadata, spec });
  }

  async createNamespace(): Promise<void> {
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: this.namespace } };
    await this.#api.create(core('namespaces'), undefined, namespace);
  }

  async createSecret(name: string, stringData: Record<string, string>): Promise<void> {
    const metadata = { name, namespace: this.namespace };
    await this.#api.create(core('secrets'), this.namespace, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata,
      stringData,
    });
  }

  /** A merge patch. */
  async change(plural: (typeof kindsOfLife)[number], name: string, patch: object): Promise<void> {
    await this.#api.patch(purlin(plural), { namespace: this.namespace, name }, patch);
  }

  async delete(plural: (typeof kindsOfLife)[number], name: string): Promise<void> {
    const path: ObjectPath = { namespace: this.namespace, name };
    const { metadata } = await this.#api.get<Resource>(purlin(plural), path);
    await this.#api.delete(purlin(plural), path, metadata.uid);
  }

  /** Everything in the namespace that has no owner, all at once. */
  async deleteAll(): Promise<void> {
    for (const object of await this.objects()) {
      if (object.metadata.ownerReferences || object.metadata.deletionTimestamp) continue;
      await this.#api.delete(purlin(`${object.kind.toLowerCase()}s`), object.metadata, object.metadata.uid);
    }
  }

  async deleteNamespace(): Promise<void> {
    const { metadata } = await this.#api.get<Resource>(core('namespaces'), { name: this.namespace });
    await this.#api.delete(core('namespaces'), metadata, metadata.uid);
  }

  /** All objects of the life, kind by kind. */
  async objects(): Promise<Resource[]> {
    const lists = await Promise.all(kindsOfLife.map((plural) => this.#api.list(purlin(plural))));
    return lists.flatMap(({ items }) =>
      items.filter(({ metadata }) => metadata.namespace === this.namespace),
    );
  }
}
