import type { Condition } from '../../../src/resources/conditions.ts';
import type { Resource } from '../../../src/resources/metadata.ts';
import { canonicalJson } from '../../../src/values/hash.ts';
import { conditionOf } from './cluster.ts';

/** Reasons why a spec cannot be carried out now, each with the fact behind it. */
export type Obstacles = ReadonlyMap<string, string>;

/** One line for each member in which two values differ. */
export function differences(what: string, wanted: unknown, present: unknown): string[] {
  if (isRecord(wanted) && isRecord(present)) {
    const members = new Set([...Object.keys(wanted), ...Object.keys(present)]);
    return [...members].flatMap((member) =>
      wanted[member] === undefined && present[member] === undefined
        ? []
        : differences(`${what}: ${member}`, wanted[member], present[member]),
    );
  }
  const [expected, found] = [textOf(wanted), textOf(present)];
  return expected === found ? [] : [`${what} is ${found} instead of ${expected}`];
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const textOf = (value: unknown): string => (value === undefined ? 'absent' : canonicalJson(value));

/**
 * Ready says that all is as it should be where nothing stands in the way, and only there; otherwise it names
 * something that does.
 */
export function unexplained(object: Resource, complete: boolean, obstacles: Obstacles): string[] {
  const ready = conditionOf(object);
  if (!ready) return ['it has no Ready condition'];
  const { generation } = object.metadata;
  const { observedGeneration } = (object.status ?? {}) as { observedGeneration?: number };
  return [
    ...(observedGeneration === generation
      ? []
      : [`observedGeneration is ${observedGeneration}, the generation ${generation}`]),
    ...reasonFaults(ready, complete, obstacles),
  ];
}

function reasonFaults(ready: Condition, complete: boolean, obstacles: Obstacles): string[] {
  const said = `Ready is ${ready.status} (${ready.reason}: ${ready.message})`;
  if (complete) {
    return (
      [...obstacles]
        // The condition RestartRequired tells of it, and is looked at by itself.
        .filter(([reason]) => reason !== 'DeviceNotReleased')
        .map(([reason, why]) => `${said}, although ${why}: ${reason}`)
    );
  }
  if (obstacles.has(ready.reason)) return [];
  return obstacles.size === 0
    ? [`${said}, although nothing stands in its way`]
    : [`${said}, although what stands in its way is ${[...obstacles.keys()].join(', ')}`];
}
