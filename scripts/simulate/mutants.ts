/** Defects that were put in on purpose, each as a change of the source: the simulation, or a contract suite, must catch every one of them. */
import { ofAdapters } from './mutants/adapters.ts';
import { ofTheAgent } from './mutants/agent.ts';
import { ofDrift } from './mutants/drift.ts';
import { ofTheLoop } from './mutants/loop.ts';
import type { Mutant } from './mutants/mutant.ts';
import { ofPlanners } from './mutants/planners.ts';

export const mutants: readonly Mutant[] = [
  ...ofTheAgent,
  ...ofTheLoop,
  ...ofPlanners,
  ...ofDrift,
  ...ofAdapters,
];
