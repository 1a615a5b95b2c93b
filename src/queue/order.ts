import type { HostAction, HostActionName, HostActions } from '../plan/actions.ts';
import { contentHash } from '../values/hash.ts';
import { open, type Sealed, seal } from './sealing.ts';

/** One action that a controller asks of one host, for one object. At most one stands for each UID. */
export interface Order {
  /** `orderId(…)`: the same for the same action at the same generation of the same object. */
  orderId: string;
  installationUid: string;
  /** UID of the agent that is to carry it out. */
  hostUid: string;
  /** UID of the object; kind, namespace and name are for logs and never an identity. */
  uid: string;
  kind: string;
  namespace?: string;
  name: string;
  /** `metadata.generation` of the object when it was planned. */
  generation: number;
  /** The leader's. */
  epoch: number;
  /** Incarnation and sequence of the host snapshot that it was planned from. */
  incarnation: string;
  basis: number;
  action: HostAction;
  /** Every UID and image digest that the action touches. */
  lock: string[];
  /** Milliseconds since the epoch; for people. */
  issuedAt: number;
}

/** Redis is no place for large things: user-data ends at 64 KiB, so an order above this is a mistake. */
export const maxOrderBytes = 256 * 1024;

/** The order is too large to be sent. */
export class OrderTooLarge extends Error {
  override readonly name = 'OrderTooLarge';
}

export const orderId = (order: Pick<Order, 'action' | 'uid' | 'generation'>): string =>
  contentHash({ action: order.action, uid: order.uid, generation: order.generation });

/** Long copies have a queue of their own; a disk is made empty or as an overlay, which copies nothing. */
export const isLongCopy = (name: HostActionName): boolean => name === 'image.import';

type Seed = HostActions['machine.define']['seed'];

/** An action as it travels: a seed holds secrets, so it is sealed to the host. */
type WireAction = { name: string; arguments: Record<string, unknown> };

const sealingContext = (order: Pick<Order, 'hostUid' | 'uid' | 'generation'>): string =>
  `${order.hostUid}/${order.uid}/${order.generation}`;

/**
 * The text that is signed and written.
 *
 * @param sealingKey the host's public key
 * @throws OrderTooLarge
 */
export function writeOrder(order: Order, sealingKey: string): string {
  const text = JSON.stringify({ ...order, action: sealSeed(order, sealingKey) });
  const bytes = Buffer.byteLength(text);
  if (bytes > maxOrderBytes) {
    throw new OrderTooLarge(
      `${order.action.name} for ${order.kind} ${order.name} takes ${bytes} bytes; an order holds at most ` +
        `${maxOrderBytes}: make its user-data smaller`,
    );
  }
  return text;
}

/**
 * Reads an order whose signature has been verified.
 *
 * @throws when it is malformed or sealed for somebody else
 */
export function readOrder(text: string, sealingPrivateKey: string): Order {
  const order = JSON.parse(text) as Order;
  for (const [field, type] of Object.entries(orderFields)) {
    // oxlint-disable-next-line valid-typeof -- `type` is one of the literals of orderFields
    if (typeof order[field as keyof Order] !== type)
      throw new TypeError(`the order's ${field} is no ${type}`);
  }
  if (!Array.isArray(order.lock) || order.lock.some((each) => typeof each !== 'string')) {
    throw new TypeError("the order's lock is no list of strings");
  }
  return { ...order, action: openSeed(order, sealingPrivateKey) };
}

const orderFields = {
  orderId: 'string',
  installationUid: 'string',
  hostUid: 'string',
  uid: 'string',
  kind: 'string',
  name: 'string',
  generation: 'number',
  epoch: 'number',
  incarnation: 'string',
  basis: 'number',
  action: 'object',
} as const satisfies Partial<Record<keyof Order, string>>;

function sealSeed(order: Order, sealingKey: string): WireAction {
  const { action } = order;
  if (action.name !== 'machine.define' && action.name !== 'machine.reconfigure') {
    return { name: action.name, arguments: { ...action.arguments } };
  }
  const { seed, ...rest } = action.arguments;
  const sealedSeed = seal(JSON.stringify(seed), sealingKey, sealingContext(order));
  return { name: action.name, arguments: { ...rest, sealedSeed } };
}

function openSeed(order: Order, sealingPrivateKey: string): HostAction {
  const { name, arguments: given } = order.action as WireAction;
  const { sealedSeed, ...rest } = given;
  if (sealedSeed === undefined) return order.action;
  const seed = JSON.parse(open(sealedSeed as Sealed, sealingPrivateKey, sealingContext(order))) as Seed;
  return { name, arguments: { ...rest, seed } } as unknown as HostAction;
}
