import type { Faults } from './faults.ts';
import type { ActionName } from './meetings.ts';
import type { Process } from './scheduler.ts';

const MOST_STEPS = 30;

/**
 * Where a host's event is to be lost during an action, the action lasts until there is one, within reason.
 *
 * @param meanwhile what happens beside it
 */
export async function lastUntilEvent(
  what: string,
  { faults, process }: { faults: Faults; process: Process },
  action: ActionName | undefined,
  meanwhile: () => void = () => undefined,
): Promise<void> {
  for (let steps = 0; steps < MOST_STEPS && faults.waitsForEvent(action); steps += 1) {
    meanwhile();
    await process.step(`${what} takes its time`);
  }
}
