/** Every namespace has a ServiceAccount `default` and the ConfigMap `kube-root-ca.crt`; both come back when deleted. */
import { decodeEntry } from '../codec.ts';
import type { ApiContext } from '../context.ts';
import { isConflict, isNotFound } from '../errors.ts';
import { equalJson } from '../../values/equal.ts';
import type { KubeObject } from '../object.ts';
import { createObject, findNamespace } from '../write/create.ts';
import { mutateObject } from '../write/mutate.ts';
import { internalWrite } from '../write/options.ts';
import { placeOf } from './places.ts';
import { controllerWriter } from './writer.ts';
import { WorkQueue } from './work-queue.ts';

const SERVICE_ACCOUNT = 'default';
const ROOT_CA = 'kube-root-ca.crt';
const CREATORS: Readonly<Record<string, string>> = {
  ConfigMap: 'root-ca-cert-publisher',
  ServiceAccount: 'service-account-controller',
};
const DESCRIPTION = 'The certificate by which clients of this API server know it.';

export class NamespaceDefaults {
  readonly #context: ApiContext;
  readonly #caPem: string;
  readonly #queue: WorkQueue;

  constructor(context: ApiContext, caPem: string) {
    this.#context = context;
    this.#caPem = caPem;
    this.#queue = new WorkQueue((namespace) => this.#complete(namespace), context.logger);
  }

  close(): Promise<void> {
    return this.#queue.close();
  }

  /** Hears of every change of every object, in order. */
  observe(_key: string, current: KubeObject | undefined, previous: KubeObject | undefined): void {
    const object = current ?? previous;
    if (!object || object.apiVersion !== 'v1') return;
    const { name = '', namespace = '', deletionTimestamp } = object.metadata;
    if (object.kind === 'Namespace' && current && !deletionTimestamp) this.#queue.add(name);
    if (object.kind === 'ServiceAccount' && name === SERVICE_ACCOUNT && !current) this.#queue.add(namespace);
    if (object.kind === 'ConfigMap' && name === ROOT_CA) this.#queue.add(namespace);
  }

  async #complete(namespace: string): Promise<void> {
    const found = findNamespace(this.#context, namespace);
    if (!found || found.metadata.deletionTimestamp) return;
    await this.#ensure({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: SERVICE_ACCOUNT, namespace },
    });
    await this.#ensure({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: ROOT_CA, namespace, annotations: { 'kubernetes.io/description': DESCRIPTION } },
      data: { 'ca.crt': this.#caPem },
    });
  }

  async #ensure(wanted: KubeObject): Promise<void> {
    const { namespace = '' } = wanted.metadata;
    const place = placeOf(this.#context, wanted);
    if (!place) return;
    const entry = this.#context.store.get(place.key);
    if (entry) return this.#restore(place.key, decodeEntry(entry), wanted);
    const body = { object: wanted, duplicates: [] };
    const writer = controllerWriter(CREATORS[wanted.kind] ?? '');
    await createObject(this.#context, place.target, body, internalWrite(writer)).catch((error: unknown) => {
      // Somebody else made it, or the namespace is going or gone. What refuses it may let it in later.
      if (isConflict(error) || isNotFound(error)) return;
      if (!findNamespace(this.#context, namespace)?.metadata.deletionTimestamp) throw error;
    });
  }

  /** Clients rely on the certificate; of the ServiceAccount only that it exists matters. */
  async #restore(key: string, present: KubeObject, wanted: KubeObject): Promise<void> {
    if (wanted['data'] === undefined || equalJson(present['data'], wanted['data'])) return;
    await mutateObject(this.#context, key, present.metadata.uid, (object) => {
      object['data'] = wanted['data'];
    });
  }
}
