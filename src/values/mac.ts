import { sha256 } from './hash.ts';

/**
 * MAC address of an interface: `02:` (locally administered, unicast) and 40 bits of the hash of its owner, so that it
 * is the same on every attempt. `attempt` rehashes when the Subnet has that address already.
 */
export function macAddress(machineUid: string, interfaceName: string, attempt = 0): string {
  const hash = sha256(`${machineUid}/${interfaceName}${attempt === 0 ? '' : `#${attempt}`}`);
  return ['02', ...[0, 2, 4, 6, 8].map((start) => hash.slice(start, start + 2))].join(':');
}
