import { faultKinds } from '../../src/simulation/fault-kinds.ts';
import type { Verdict } from '../../src/simulation/world.ts';

/** How many seeds, how large their worlds were, and how often each fault came. */
export function summary(verdicts: readonly Verdict[], tookMs: number): string {
  const broken = verdicts.filter((verdict) => verdict.broken).length;
  const median = (read: (verdict: Verdict) => number): number =>
    verdicts.map(read).sort((a, b) => a - b)[Math.floor(verdicts.length / 2)] ?? 0;
  const faultsOf = ({ faults }: Verdict): number =>
    [...faults.values()].reduce((sum, count) => sum + count, 0);
  const seconds = tookMs / 1_000;
  const steps = verdicts.reduce((sum, verdict) => sum + verdict.steps, 0);
  const times = (kind: (typeof faultKinds)[number]): number =>
    verdicts.reduce((sum, { faults }) => sum + (faults.get(kind) ?? 0), 0);
  return [
    `${verdicts.length} seeds, ${broken} broken, ${(verdicts.length / seconds).toFixed(1)} a second`,
    `${steps} steps, ${Math.round(steps / seconds)} a second`,
    `median: ${median(({ hosts }) => hosts)} hosts, ${median(({ objects }) => objects)} objects, ` +
      `${median(({ steps }) => steps)} steps, ${median(faultsOf)} faults`,
    `faults: ${faultKinds.map((kind) => `${kind} ${times(kind)}`).join(', ')}`,
  ].join('\n');
}
