/** The controllers' writes in the words of a campaign. */
import type { Order } from '../../../src/queue/order.ts';
import type { ObjectPath, ResourceType } from '../../../src/reconcile/api.ts';
import type { Condition } from '../../../src/resources/conditions.ts';
import type { Resource } from '../../../src/resources/metadata.ts';
import type { PortName } from '../../../src/values/around.ts';
import { isOfLife, withoutUids } from '../life-names.ts';

/**
 * Writes of objects of a life, and orders. Not the Lease, which is renewed by the clock, nor Hosts, which outlive every
 * life, nor Events: nothing is planned from them, and the moments around them are those of their neighbours.
 */
export function describeControllerCall(
  port: PortName,
  method: string,
  args: readonly unknown[],
): string | undefined {
  if (port === 'orders') return method === 'put' ? describeOrder(args[0] as Order) : undefined;
  switch (method) {
    case 'create': {
      const [type, namespace, object] = args as [ResourceType, string | undefined, Resource];
      return described(type, { namespace, name: object.metadata.name }, 'api.create');
    }
    case 'patch': {
      const [type, path, patch, subresource] = args as [
        ResourceType,
        ObjectPath,
        Patch,
        'status' | undefined,
      ];
      return described(type, path, subresource ? 'api.status' : 'api.patch', detailsOf(patch));
    }
    case 'delete': {
      const [type, path] = args as [ResourceType, ObjectPath];
      return described(type, path, 'api.delete');
    }
    default:
      return undefined;
  }
}

interface Patch {
  spec?: object;
  metadata?: { finalizers?: string[] };
  status?: { conditions?: Condition[] } & Record<string, unknown>;
}

const describeOrder = ({ kind, namespace, name, action }: Order): string | undefined =>
  isOfLife(namespace) ? `${kind}/${name} ${action.name} orders.put` : undefined;

function described(
  { plural }: ResourceType,
  { namespace, name }: ObjectPath,
  call: string,
  details = '',
): string | undefined {
  if (!isOfLife(namespace) || plural === 'events') return undefined;
  return withoutUids(`${plural}/${name} ${call}${details}`);
}

/** What tells one patch of an object from another: the reason that it gives, or the fields that it writes. */
function detailsOf({ metadata, spec, status }: Patch): string {
  if (spec !== undefined) return ` ${Object.keys(spec).sort().join('+')}`;
  if (status === undefined) return ` finalizers=${metadata?.finalizers?.length ?? 0}`;
  const ready = status.conditions?.find(({ type }) => type === 'Ready')?.reason;
  return ` ${ready ?? Object.keys(status).sort().join('+')}`;
}
