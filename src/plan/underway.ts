import type { HostSnapshot } from './snapshot.ts';

/**
 * Whether an order for an earlier generation of an object may still take effect on the host: until one of now was
 * carried out there, which refuses all before it. One of an earlier leader proves nothing: where the store was restored
 * from a backup, generations began again below it.
 */
export function earlierOrderUnderway(
  { uid, generation }: { uid: string; generation: number },
  { results, epoch }: HostSnapshot,
): boolean {
  const last = results[uid];
  return last?.epoch !== epoch || (last.generation ?? 0) < generation;
}
