import type { HostActionName } from '../plan/actions.ts';
import { diskExecutors } from './disk/execute.ts';
import type { Executors } from './executor.ts';
import { imageExecutors } from './image/execute.ts';
import { machineExecutors } from './machine/execute.ts';
import { subnetExecutors } from './subnet/execute.ts';

/** Every host action has an executor: one that is missing does not compile. */
export const executors: Executors<HostActionName> = {
  ...imageExecutors,
  ...diskExecutors,
  ...subnetExecutors,
  ...machineExecutors,
};
