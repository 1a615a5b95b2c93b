/** Names of everything that Purlin keeps in Redis; all of it can be lost at any time. */

/** Set of `{hostName → agentUid}` (a hash): the claim of an agent on its host's name. */
export const hostsKey = 'purlin:hosts';

/** Stream with one entry for every agent that (re)appears, so that mirrors need not poll for new ones. */
export const arrivalsKey = 'purlin:arrivals';

/** Signed record of the leader's epoch; also the channel on which a new one is announced. */
export const epochKey = 'purlin:epoch';

/** Hash: the whole snapshot of a host, one field per object, with `version` and `meta`. */
export const snapshotKey = (agentUid: string): string => `purlin:${agentUid}:snapshot`;

/** Capped stream of the changes of that hash. */
export const changesKey = (agentUid: string): string => `purlin:${agentUid}:changes`;

/** Lives for 15 s after the agent's last sign of life. */
export const heartbeatKey = (agentUid: string): string => `purlin:${agentUid}:heartbeat`;

/** Hash: UID → the one order that stands for it. */
export const ordersKey = (agentUid: string): string => `purlin:${agentUid}:orders`;

/** Channel on which the UID of a new order is announced, so that it can cut a long copy short. */
export const ordersChannel = (agentUid: string): string => `purlin:${agentUid}:orders`;

/** BullMQ queue of doorbells; BullMQ allows no colon in a queue's name. */
export const queueName = (agentUid: string): string => `purlin-${agentUid}`;

/** Doorbells of long copies, so that they never keep short work waiting. */
export const copiesQueueName = (agentUid: string): string => `purlin-${agentUid}-copies`;
