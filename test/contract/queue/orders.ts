import { randomUUID } from 'node:crypto';
import type { Order } from '../../../src/queue/order.ts';

/** An order for the UID, which says little. */
export const orderFor = (uid: string, agentUid: string): Order => ({
  orderId: randomUUID(),
  hostUid: agentUid,
  uid,
  kind: 'Disk',
  namespace: 'default',
  name: 'data',
  action: { name: 'disk.retain', arguments: {} },
  generation: 1,
  epoch: 1,
  incarnation: '1.x',
  basis: 1,
  installationUid: 'i',
  lock: [uid],
  issuedAt: 0,
});
