/** The policies and webhooks that are in force, as the store has them. */
import type { Index } from '../follow.ts';
import type { KubeObject } from '../object.ts';
import type { BindingSpec, PolicySpec, Webhook } from './spec.ts';
import { compilePolicy } from './policy/compile.ts';
import type { CompiledPolicy } from './policy/compile.ts';
import { compileWebhooks } from './webhook/compile.ts';
import type { CompiledWebhook } from './webhook/compile.ts';

export interface Binding {
  readonly name: string;
  readonly spec: BindingSpec;
}

export interface PolicyInForce {
  readonly policy: CompiledPolicy;
  readonly bindings: readonly Binding[];
}

const byName = <T>(named: ReadonlyMap<string, T>): T[] =>
  [...named].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);

/** In the order of names, which is the order in which they are asked. */
export class Configuration implements Index {
  readonly #policies = new Map<string, CompiledPolicy>();
  readonly #bindings = new Map<string, Binding>();
  readonly #mutating = new Map<string, readonly CompiledWebhook[]>();
  readonly #validating = new Map<string, readonly CompiledWebhook[]>();
  #inForce: readonly PolicyInForce[] | undefined;
  #mutatingWebhooks: readonly CompiledWebhook[] = [];
  #validatingWebhooks: readonly CompiledWebhook[] = [];

  clear(): void {
    closeAll([...this.#mutatingWebhooks, ...this.#validatingWebhooks]);
    for (const map of [this.#policies, this.#bindings, this.#mutating, this.#validating]) map.clear();
    this.#changed();
  }

  observe(current: KubeObject | undefined, previous: KubeObject | undefined): void {
    const object = current ?? previous;
    if (!object) return;
    const { name = '' } = object.metadata;
    switch (object.kind) {
      case 'ValidatingAdmissionPolicy':
        set(this.#policies, name, current && compilePolicy(name, (current.spec ?? {}) as PolicySpec));
        break;
      case 'ValidatingAdmissionPolicyBinding':
        set(this.#bindings, name, current && { name, spec: (current.spec ?? {}) as BindingSpec });
        break;
      case 'MutatingWebhookConfiguration':
        closeAll(this.#mutating.get(name) ?? []);
        set(this.#mutating, name, current && compileWebhooks(name, webhooksOf(current)));
        break;
      case 'ValidatingWebhookConfiguration':
        closeAll(this.#validating.get(name) ?? []);
        set(this.#validating, name, current && compileWebhooks(name, webhooksOf(current)));
        break;
      default:
        return;
    }
    this.#changed();
  }

  /** Nobody waits for webhooks any more. */
  abort(): void {
    for (const { client } of [...this.#mutatingWebhooks, ...this.#validatingWebhooks]) client.abort();
  }

  /** Only what is bound counts. */
  policies(): readonly PolicyInForce[] {
    this.#inForce ??= byName(this.#policies)
      .map((policy) => ({
        policy,
        bindings: byName(this.#bindings).filter(({ spec }) => spec.policyName === policy.name),
      }))
      .filter(({ bindings }) => bindings.length > 0);
    return this.#inForce;
  }

  mutating(): readonly CompiledWebhook[] {
    return this.#mutatingWebhooks;
  }

  validating(): readonly CompiledWebhook[] {
    return this.#validatingWebhooks;
  }

  #changed(): void {
    this.#inForce = undefined;
    this.#mutatingWebhooks = byName(this.#mutating).flat();
    this.#validatingWebhooks = byName(this.#validating).flat();
  }
}

function set<T>(map: Map<string, T>, name: string, value: T | undefined): void {
  if (value === undefined) map.delete(name);
  else map.set(name, value);
}

const webhooksOf = ({ webhooks }: KubeObject): Webhook[] =>
  Array.isArray(webhooks) ? (webhooks as Webhook[]) : [];

const closeAll = (webhooks: readonly CompiledWebhook[]): void => {
  for (const { client } of webhooks) client.close();
};
