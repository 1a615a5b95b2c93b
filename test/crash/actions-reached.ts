/** Whether the lives of a campaign take every action that Purlin has: one without a boundary is never disturbed. */
import { executors } from '../../src/kinds/execute-registry.ts';
import type { HostActionName } from '../../src/plan/actions.ts';
import type { ApiAction } from '../../src/plan/api-actions.ts';
import type { Boundary } from './faults.ts';

/** The request of each action in the words of `describeControllerCall`; a new action does not compile without its own. */
const requests: Record<ApiAction['name'], RegExp> = {
  'api.addFinalizer': / api\.patch finalizers=[1-9]/,
  'api.releaseFinalizer': / api\.patch finalizers=0/,
  'api.createChild': / api\.create\b/,
  'api.deleteChild': / api\.delete\b/,
  'api.growChild': /^disks\/\S+ api\.patch size\b/,
  'api.holdNetwork': /^subnets\/\S+ api\.status networkHeld\b/,
  'api.bindDisk': /^disks\/\S+ api\.status hostName\b/,
  'api.claimDisk': /^disks\/\S+ api\.status claim\b/,
};

const hostActions = Object.keys(executors) as HostActionName[];

/** Where a host changes by the action: not only where its order is sent, or admitted. */
const isEffectOf = (action: HostActionName, { process, name }: Boundary): boolean =>
  process === 'agent' && name.includes(` ${action} `) && / (?:hypervisor|network|storage)\./.test(name);

/** Actions that none of the boundaries belongs to. */
export const unreachedActions = (boundaries: readonly Boundary[]): string[] => [
  ...hostActions.filter((action) => !boundaries.some((boundary) => isEffectOf(action, boundary))),
  ...Object.entries(requests)
    .filter(
      ([, request]) =>
        !boundaries.some(({ process, name }) => process === 'controller' && request.test(name)),
    )
    .map(([action]) => action),
];
