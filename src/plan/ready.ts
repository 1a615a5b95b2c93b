import type { WantedCondition } from '../resources/conditions.ts';
import type { Failure } from './kind.ts';
import type { Outcome } from './outcome.ts';

/**
 * The Ready condition of an outcome. `serving` says from observed facts that the object does its work although a step
 * is still due (a reservation to add, a definition to refresh); without it every pending step means not ready.
 */
export function readyCondition(
  outcome: Outcome,
  failure: Failure | undefined,
  serving: boolean,
): WantedCondition {
  const because = (reason: string, message: string, ready = false): WantedCondition => ({
    type: 'Ready',
    status: ready ? 'True' : 'False',
    reason,
    message,
  });
  switch (outcome.type) {
    case 'settled':
      return serving
        ? because('Ready', 'everything is as the spec says', true)
        : because('NotServing', 'no step is due, but it does not work yet');
    case 'act':
      if (failure) return because(failure.reason, failure.message, serving);
      return serving
        ? because('Ready', 'everything is as the spec says', true)
        : because(outcome.reason, outcome.because);
    case 'waiting':
      return because(outcome.reason, outcome.on, serving);
    case 'blocked':
      return because(outcome.reason, outcome.message, serving);
  }
}
