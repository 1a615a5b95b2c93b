import type { HostSnapshot } from './snapshot.ts';

/**
 * Whether an order for an earlier generation of an object may still take effect on the host: until one of now was
 * carried out there, which refuses all before it. On a host that has nothing of the object, and has never answered an
 * order for it, there is nothing to fear.
 *
 * @param known whether the host has anything of it
 */
export function earlierOrderUnderway(
  { uid, generation }: { uid: string; generation: number },
  { results }: HostSnapshot,
  known: boolean,
): boolean {
  const result = results[uid];
  if (result === undefined && !known) return false;
  return (result?.generation ?? 0) < generation;
}
