import type { HostAction } from './actions.ts';
import type { ApiAction } from './api-actions.ts';

/** One step on one host, by way of its queue. `lock` names every UID and digest that the step touches. */
export interface HostStep {
  on: 'host';
  hostName: string;
  action: HostAction;
  lock: string[];
}

/** One write to the API by the controller itself. */
export interface ApiStep {
  on: 'api';
  action: ApiAction;
}

/**
 * What a planner concludes, a closed set:
 * - `settled`: everything is as the spec says;
 * - `act`: one next step; `reason` is a CamelCase word and `because` a sentence, both for an Event; `adopts` when it
 *   only writes down what a host has already, or may have;
 * - `waiting`: something else must happen first; looked at again after `recheckMs` at the latest;
 * - `blocked`: the spec, or something it names, must change before anything can be done.
 */
export type Outcome =
  | { type: 'settled' }
  | {
      type: 'act';
      step: HostStep | ApiStep;
      reason: string;
      because: string;
      drift: boolean;
      adopts: boolean;
    }
  | { type: 'waiting'; reason: string; on: string; recheckMs: number }
  | { type: 'blocked'; reason: string; message: string };

export const settled: Outcome = { type: 'settled' };

/** A host step; `drift` marks the repair of something that had been there. */
export const act = (
  step: HostStep | ApiStep,
  why: { reason: string; because: string; drift?: boolean; adopts?: boolean },
): Outcome => ({ type: 'act', step, drift: false, adopts: false, ...why });

export const waiting = (reason: string, on: string, recheckMs = 30_000): Outcome => ({
  type: 'waiting',
  reason,
  on,
  recheckMs,
});

export const blocked = (reason: string, message: string): Outcome => ({ type: 'blocked', reason, message });

/** The first check that has something to say decides; `undefined` means "nothing against it". */
export type Check<Input> = (input: Input) => Outcome | undefined;

/** Runs an ordered list of named checks and returns the first outcome. */
export function firstOf<Input>(checks: readonly Check<Input>[], input: Input): Outcome | undefined {
  for (const check of checks) {
    const outcome = check(input);
    if (outcome) return outcome;
  }
  return undefined;
}
