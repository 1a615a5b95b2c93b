import type { Faults } from './faults.ts';
import type { ActionName } from './meetings.ts';
import type { Process } from './scheduler.ts';

const MOST_STEPS = 30;

/**
 * Where something is to come from outside during an action, the action lasts until it has come, within reason.
 *
 * @param meanwhile what happens beside it
 */
export async function lastUntilMet(
  what: string,
  { faults, process }: { faults: Faults; process: Process },
  action: ActionName | undefined,
  meanwhile: () => void = () => undefined,
): Promise<void> {
  for (let steps = 0; steps < MOST_STEPS && faults.leavesTimeIn(action); steps += 1) {
    meanwhile();
    await process.step(`${what} takes its time`);
  }
}
