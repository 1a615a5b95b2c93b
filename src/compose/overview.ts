import { kinds } from '../kinds/registry.ts';
import { readQueueDepth } from '../queue/depth.ts';
import { ApiClient } from '../reconcile/api-client.ts';
import { purlinType } from '../reconcile/informers.ts';
import type { Host } from '../resources/kinds.ts';
import type { Resource } from '../resources/metadata.ts';
import { externalEndpoint } from './external-api.ts';
import { pathsOf } from './paths.ts';

/** What `purlin status` shows of the API and the queue. */
export interface Overview {
  kinds: { kind: string; phases: Record<string, number> }[];
  hosts: {
    name: string;
    ready: string;
    accelerator: string;
    memory: string;
    free: string;
    machines: number;
    versions: string;
  }[];
  queue: { orders: number; waiting: number; active: number };
}

/** Reads the installation of a data directory through its own kubeconfig and Redis. */
export async function readOverview(dataDir: string): Promise<Overview> {
  const paths = pathsOf(dataDir);
  const client = new ApiClient(await externalEndpoint(paths.kubeconfig));
  try {
    const lists = await Promise.all(
      kinds.map(async ({ kind, plural }) => ({ kind, items: (await client.list(purlinType(plural))).items })),
    );
    const hosts = (lists.find(({ kind }) => kind === 'Host')?.items ?? []) as Host[];
    return {
      kinds: lists.map(({ kind, items }) => ({ kind, phases: countPhases(items) })),
      hosts: hosts.map(({ metadata, status }) => ({
        name: metadata.name,
        ready: status?.conditions?.find(({ type }) => type === 'Ready')?.status ?? 'Unknown',
        accelerator: status?.accelerator ?? '-',
        memory: status?.capacity?.memory ?? '-',
        free: status?.allocatable?.memory ?? '-',
        machines: status?.machines ?? 0,
        versions: `libvirt ${status?.versions?.['libvirt'] ?? '-'}, QEMU ${status?.versions?.['qemu'] ?? '-'}`,
      })),
      queue: await readQueueDepth(
        { path: paths.redisSocket },
        hosts.flatMap(({ status }) => status?.agentUid ?? []),
      ),
    };
  } finally {
    client.close();
  }
}

function countPhases(items: Resource[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of items) {
    const { phase, conditions } = (status ?? {}) as {
      phase?: string;
      conditions?: { type: string; status: string }[];
    };
    const ready = conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
    const word = phase ?? (ready ? 'Ready' : 'NotReady');
    counts[word] = (counts[word] ?? 0) + 1;
  }
  return counts;
}
