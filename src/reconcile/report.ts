import type { WantedStatus } from '../plan/kind.ts';
import type { Outcome } from '../plan/outcome.ts';
import { type Condition, mergeConditions } from '../resources/conditions.ts';
import type { Resource } from '../resources/metadata.ts';
import { equalJson } from '../values/equal.ts';
import { timestamp } from '../values/time.ts';
import type { Clock } from '../clock/clock.ts';
import { type Api, isConflict, isNotFound } from './api.ts';
import type { Informers } from './informers.ts';

type StatusFields = Record<string, unknown> & { conditions?: Condition[] };

/**
 * The merge patch that makes the present status the wanted one, or undefined when it is so already: after convergence
 * nothing is written. Members that the kind does not own (a claim) are left alone.
 */
export function statusPatch(
  object: Resource,
  wanted: WantedStatus,
  nowIso: string,
): { status: Record<string, unknown> } | undefined {
  const present = (object.status ?? {}) as StatusFields;
  const { generation } = object.metadata;
  const next: StatusFields = {
    ...wanted.fields,
    observedGeneration: generation,
    conditions: mergeConditions(present.conditions, wanted.conditions, generation, nowIso),
  };
  const changed = Object.entries(next)
    .filter(([key, value]) => !equalJson(value ?? null, present[key] ?? null))
    .map(([key, value]) => [key, value ?? null]);
  return changed.length === 0 ? undefined : { status: Object.fromEntries(changed) };
}

/** Writes the status if it differs. An object that changed or went meanwhile is reported on with its next plan. */
export async function reportStatus(
  object: Resource,
  wanted: WantedStatus,
  { client, informers, clock }: { client: Api; informers: Informers; clock: Clock },
): Promise<void> {
  const patch = statusPatch(object, wanted, timestamp(new Date(clock.now())));
  if (!patch) return;
  try {
    const body = { metadata: { uid: object.metadata.uid }, ...patch };
    informers.put(await client.patch(informers.typeOf(object.kind), object.metadata, body, 'status'));
  } catch (error) {
    if (!isConflict(error) && !isNotFound(error)) throw error;
  }
}

/** One line for `kubectl describe`. */
export interface Note {
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
}

/** A step as an Event; the repair of something that had been there is worth a warning. */
export const noteOf = ({ drift, reason, because }: Outcome & { type: 'act' }): Note => ({
  type: drift ? 'Warning' : 'Normal',
  reason,
  message: because,
});
