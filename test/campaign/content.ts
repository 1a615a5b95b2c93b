import type { Actor } from './cast.ts';
import type { Sight } from './ground.ts';
import { conditionOf } from './oracle/cluster.ts';

export const isSettled = (object: object): boolean =>
  ['Ready', 'Stopped', 'AgentReporting'].includes(conditionOf(object)?.reason ?? '');

/** The object is there, and as its spec says. */
export function isContent({ kind, name }: Actor, { cluster }: Sight): boolean {
  const object = cluster.objects.find((each) => each.kind === kind && each.metadata.name === name);
  return object !== undefined && isSettled(object);
}
