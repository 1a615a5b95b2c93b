import type { Failure, WantedStatus } from '../../plan/kind.ts';
import type { Outcome } from '../../plan/outcome.ts';
import { readyCondition } from '../../plan/ready.ts';
import { deleting } from '../../resources/metadata.ts';
import type { DiskInput } from './plan.ts';

export function diskStatus(input: DiskInput, outcome: Outcome, failure: Failure | undefined): WantedStatus {
  const { disk, hosts } = input;
  const host = hosts.find(({ name }) => name === disk.status?.hostName);
  const file = host && host.snapshot !== 'unknown' ? host.snapshot.disks[disk.metadata.uid] : undefined;
  const ready = readyCondition(outcome, failure, file !== undefined);
  return {
    conditions: [ready],
    fields: {
      phase: phase(input, outcome, failure, file !== undefined),
      // Kept while the host is unknown: what was last seen, not what is assumed.
      capacity: file?.sizeBytes ?? disk.status?.capacity,
    },
  };
}

function phase(
  { disk }: DiskInput,
  outcome: Outcome,
  failure: Failure | undefined,
  present: boolean,
): string {
  if (deleting(disk)) return 'Terminating';
  if (failure || outcome.type === 'blocked') return 'Failed';
  if (present) return 'Ready';
  return outcome.type === 'act' && outcome.step.on === 'host' ? 'Provisioning' : 'Pending';
}
