import type { Failure, WantedStatus } from '../../plan/kind.ts';
import type { Outcome } from '../../plan/outcome.ts';
import { readyCondition } from '../../plan/ready.ts';
import type { ImageSnapshot } from '../../plan/snapshot.ts';
import { deleting } from '../../resources/metadata.ts';
import { approximateBytes, formatBytes } from '../../values/quantity.ts';
import type { ImageInput } from './plan.ts';

export function imageStatus(input: ImageInput, outcome: Outcome, failure: Failure | undefined): WantedStatus {
  const { image, hosts } = input;
  const cached = hosts.flatMap(({ name, snapshot }) => {
    const found = snapshot === 'unknown' ? undefined : snapshot.images[image.metadata.uid];
    return found ? [{ name, found }] : [];
  });
  const complete = cached.filter(({ found }) => found.state === 'complete');
  const importing = cached.find(({ found }) => found.state === 'importing')?.found;
  const sample = complete[0]?.found;
  return {
    conditions: [readyCondition(outcome, failure, outcome.type === 'settled' && complete.length > 0)],
    fields: {
      phase: phase(input, outcome, failure),
      progress: progress(importing, complete.length > 0),
      digest: sample?.digest,
      virtualSize: sample?.virtualSizeBytes === undefined ? undefined : sizeText(sample.virtualSizeBytes),
      virtualSizeBytes: sample?.virtualSizeBytes,
      hosts: complete.map(({ name }) => name),
    },
  };
}

function phase({ image }: ImageInput, outcome: Outcome, failure: Failure | undefined): string {
  if (deleting(image)) return 'Terminating';
  if (outcome.type === 'settled') return 'Ready';
  if (outcome.type !== 'act') return 'Pending';
  return failure ? 'Failed' : 'Importing';
}

function progress(importing: ImageSnapshot | undefined, complete: boolean): string | undefined {
  if (importing) return importing.progressPercent === undefined ? undefined : `${importing.progressPercent}%`;
  return complete ? '100%' : undefined;
}

const sizeText = (bytes: number): string =>
  formatBytes(bytes).length <= 8 ? formatBytes(bytes) : approximateBytes(bytes);
