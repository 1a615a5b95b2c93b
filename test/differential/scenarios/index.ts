import type { Scenario } from '../scenario.ts';
import { authorization, reviews } from './access.ts';
import { admission } from './admission.ts';
import { applying, applyingLists, managers } from './apply.ts';
import { namespaces, small } from './builtins.ts';
import { definitions } from './definitions.ts';
import { discovery, openApi } from './discovery.ts';
import { deletion, lists, tables, watches } from './reads.ts';
import { subresources } from './subresources.ts';
import { create, patch, update, validation } from './writes.ts';

export const SCENARIOS: readonly Scenario[] = [
  discovery,
  openApi,
  create,
  update,
  patch,
  validation,
  applying,
  applyingLists,
  managers,
  lists,
  watches,
  tables,
  deletion,
  subresources,
  namespaces,
  small,
  definitions,
  authorization,
  reviews,
  admission,
];
