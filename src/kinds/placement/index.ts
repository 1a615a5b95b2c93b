import type { KindDefinition } from '../../plan/kind.ts';
import { type Outcome, settled, waiting } from '../../plan/outcome.ts';
import { readyCondition } from '../../plan/ready.ts';
import { FINALIZER, releaseFinalizer } from '../../plan/removal.ts';
import type { Machine, Placement } from '../../resources/kinds.ts';
import { deleting, hasFinalizer } from '../../resources/metadata.ts';
import { placementName } from '../../values/names.ts';

export interface PlacementInput {
  placement: Placement;
  /** The Machine exists and still has Purlin's finalizer, so something of it may be on the host. */
  machineNeedsIt: boolean;
}

/** A binding outlives every part of its Machine on the host, whoever asks for its deletion. */
export function planPlacement({ placement, machineNeedsIt }: PlacementInput): Outcome {
  if (!deleting(placement) || !hasFinalizer(placement, FINALIZER)) return settled;
  if (machineNeedsIt)
    return waiting('InUse', `Machine ${placement.spec.machineRef.name} is still bound by it`);
  return releaseFinalizer('its Machine is gone from the host');
}

export const placement: KindDefinition<Placement, PlacementInput> = {
  kind: 'Placement',
  plural: 'placements',
  watches: [
    {
      kind: 'Machine',
      reads: ({ metadata }) => metadata.finalizers,
      keys: (changed) => [`${changed.metadata.namespace}/${placementName(changed.metadata.uid)}`],
    },
  ],
  gather: (placement, reader) => {
    const { name, uid } = placement.spec.machineRef;
    const machine = reader.get<Machine>('Machine', placement.metadata.namespace, name);
    return {
      placement,
      machineNeedsIt: machine?.metadata.uid === uid && hasFinalizer(machine, FINALIZER),
    };
  },
  plan: planPlacement,
  status: (_input, outcome, failure) => ({
    conditions: [readyCondition(outcome, failure, outcome.type === 'settled')],
    fields: {},
  }),
};
