import type { Disk } from '../resources/kinds.ts';
import type { HostView } from './kind.ts';
import type { DomainSnapshot } from './snapshot.ts';

/** The name of the host that has a Disk's data: by its status, or by a host's report where the status says nothing. */
export const hostNameOf = ({ metadata, status }: Disk, hosts: readonly HostView[]): string | undefined =>
  status?.hostName ??
  hosts.find(({ snapshot }) => snapshot !== 'unknown' && snapshot.disks[metadata.uid] !== undefined)?.name;

/** Domains that have the disk open now or will at their next start. */
export const domainsUsing = (domains: Record<string, DomainSnapshot>, diskUid: string): DomainSnapshot[] =>
  Object.values(domains).filter(({ config, live, saved }) =>
    [config, live, saved].some((hardware) => hardware?.disks.some((disk) => disk.diskUid === diskUid)),
  );
