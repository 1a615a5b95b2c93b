/**
 * Fills Secrets of type kubernetes.io/service-account-token, and deletes those whose ServiceAccount is gone:
 * pkg/controller/serviceaccount/tokens_controller.go of Kubernetes.
 */
import type { ServiceAccountTokens } from '../authn/service-account-tokens.ts';
import type { TokenObjects } from '../authn/token-check.ts';
import { SERVICE_ACCOUNT_TOKEN, accountOf } from '../builtin/token-secret.ts';
import { decodeEntry } from '../codec.ts';
import type { ApiContext } from '../context.ts';
import { isObject } from '../object.ts';
import type { KubeObject } from '../object.ts';
import { keyPrefix } from '../resource.ts';
import { deleteObjects } from '../write/delete-many.ts';
import { mutateObject } from '../write/mutate.ts';
import { placeOf } from './places.ts';
import { controllerWriter } from './writer.ts';
import { WorkQueue } from './work-queue.ts';

export interface TokenSecretParts {
  readonly tokens: ServiceAccountTokens;
  readonly objects: TokenObjects;
  readonly caPem: string;
}

export class TokenSecrets {
  readonly #context: ApiContext;
  readonly #parts: TokenSecretParts;
  readonly #queue: WorkQueue;

  constructor(context: ApiContext, parts: TokenSecretParts) {
    this.#context = context;
    this.#parts = parts;
    this.#queue = new WorkQueue((key) => this.#reconcile(key), context.logger);
  }

  close(): Promise<void> {
    return this.#queue.close();
  }

  /** Hears of every change of every object, in order. */
  observe(key: string, current: KubeObject | undefined, previous: KubeObject | undefined): void {
    if (current && isTokenSecret(current)) this.#queue.add(key);
    if (!current && previous?.apiVersion === 'v1' && previous.kind === 'ServiceAccount') {
      this.#queueSecretsOf(previous);
    }
  }

  #queueSecretsOf(account: KubeObject): void {
    const secrets = this.#context.registry.find('', 'v1', 'secrets');
    if (!secrets) return;
    for (const entry of this.#context.store.list(keyPrefix(secrets, account.metadata.namespace)).entries) {
      const secret = decodeEntry(entry);
      const ours = isTokenSecret(secret) && accountOf(secret).name === account.metadata.name;
      const place = ours ? placeOf(this.#context, secret) : undefined;
      if (place) this.#queue.add(place.key);
    }
  }

  async #reconcile(key: string): Promise<void> {
    const entry = this.#context.store.get(key);
    const secret = entry && decodeEntry(entry);
    if (!secret || secret.metadata.deletionTimestamp) return;
    const { name, uid } = accountOf(secret);
    const account = this.#parts.objects.serviceAccount(secret.metadata.namespace ?? '', name);
    if (!account || (uid && account.metadata.uid !== uid)) return this.#delete(secret);
    await mutateObject(this.#context, key, secret.metadata.uid, (object) => this.#fill(object, account));
  }

  #fill(secret: KubeObject, account: KubeObject): void {
    const { name = '', namespace = '' } = secret.metadata;
    const data = isObject(secret['data']) ? secret['data'] : {};
    const base64 = (text: string) => Buffer.from(text).toString('base64');
    secret.metadata.annotations = {
      ...secret.metadata.annotations,
      'kubernetes.io/service-account.uid': account.metadata.uid ?? '',
    };
    secret['data'] = {
      ...data,
      'ca.crt': base64(this.#parts.caPem),
      namespace: base64(namespace),
      // A token that is there counts: a new one would end it.
      token: data['token'] || base64(this.#parts.tokens.issueLegacy(account, name)),
    };
  }

  async #delete(secret: KubeObject): Promise<void> {
    const place = placeOf(this.#context, secret);
    if (place)
      await deleteObjects(this.#context, place.target.resource, [secret], {
        dryRun: false,
        writer: controllerWriter('tokens-controller'),
      });
  }
}

const isTokenSecret = (object: KubeObject): boolean =>
  object.apiVersion === 'v1' && object.kind === 'Secret' && object['type'] === SERVICE_ACCOUNT_TOKEN;
