/** The agent's calls in the words of a campaign: object, action, call. */
import type { Order } from '../../../src/queue/order.ts';
import type { PortName } from '../../../src/values/around.ts';
import { isOfLife } from '../life-names.ts';
import { afterCalls } from './after-calls.ts';
import type { Describe } from './failpoints.ts';

/** Calls that look, listen or compute. */
const harmless: Record<PortName, RegExp> = {
  hypervisor: /^(listDomains|findDomain|settle|versions|onChange)$/,
  network: /^(list|watch|close)$/,
  storage: /^(list|watch|close|\w+Path)$/,
  fence: /^(fact|admitted|removals|close)$/,
  orders: /^(read|uids|forgetDoorbells)$/,
  api: /./,
};

const uuids = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

/** Knows objects by the orders that are read for them, since the ports are told UIDs only. */
export class AgentBoundaries {
  /** UID → kind and name. */
  readonly #objects = new Map<string, string>();
  /** UID → action of its order, until that is dealt with. */
  readonly #actions = new Map<string, string>();

  readonly describe: Describe = (port, method, args) => {
    if (harmless[port].test(method)) return undefined;
    const named = JSON.stringify(args).match(uuids) ?? [];
    const uid = named.find((each) => this.#objects.has(each));
    if (uid === undefined) return undefined;
    const action = this.#actions.get(uid);
    if (port === 'orders') this.#actions.delete(uid);
    return [this.#objects.get(uid), action, `${port}.${method}`].filter(Boolean).join(' ');
  };

  /** The same port; each order that is read through it is remembered. */
  readonly learning = <Port extends object>(orders: Port): Port =>
    afterCalls(orders, 'read', (record) => {
      if (typeof record === 'string') this.#learn(record);
    });

  #learn(record: string): void {
    const { payload } = JSON.parse(record) as { payload: string };
    const { uid, kind, name, namespace, action } = JSON.parse(payload) as Order;
    if (!isOfLife(namespace)) return;
    this.#objects.set(uid, `${kind}/${name}`);
    this.#actions.set(uid, action.name);
  }
}
