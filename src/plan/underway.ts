import type { HostSnapshot } from './snapshot.ts';

/**
 * Whether an order for an earlier generation of an object may still take effect on the host: until one of now was
 * carried out there, which refuses all before it.
 */
export const earlierOrderUnderway = (
  { uid, generation }: { uid: string; generation: number },
  { results }: HostSnapshot,
): boolean => (results[uid]?.generation ?? 0) < generation;
