import type { HostView } from './kind.ts';
import type { HostSnapshot } from './snapshot.ts';

/** A host of which everything is known. */
export interface KnownHost extends HostView {
  snapshot: HostSnapshot;
}

/**
 * The hosts on which something may be made, in the order in which they get what an object asks for: those on which its
 * last order failed come last, so that they do not hold up the others.
 */
export function knownHosts(hosts: readonly HostView[], uid: string): KnownHost[] {
  const known = hosts.filter((host): host is KnownHost => host.registered && host.snapshot !== 'unknown');
  const failed = ({ snapshot }: KnownHost): boolean => snapshot.results[uid]?.outcome === 'failed';
  return [...known.filter((host) => !failed(host)), ...known.filter(failed)];
}
