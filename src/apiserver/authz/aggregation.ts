import { equalJson } from '../../values/equal.ts';
import type { KubeObject } from '../object.ts';
import { selects } from './label-selector.ts';
import type { LabelSelector } from './label-selector.ts';
import type { PolicyRule } from './rules.ts';

const rulesIn = (role: KubeObject): PolicyRule[] =>
  Array.isArray(role['rules']) ? (role['rules'] as PolicyRule[]) : [];

/** The rules of all ClusterRoles that the aggregation rule of one selects; undefined when it has none. */
export function aggregatedRules(role: KubeObject, all: readonly KubeObject[]): PolicyRule[] | undefined {
  const { aggregationRule } = role as { aggregationRule?: { clusterRoleSelectors?: LabelSelector[] } };
  if (!aggregationRule) return undefined;
  const others = all
    .filter(({ metadata }) => metadata.name !== role.metadata.name)
    .toSorted((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1));
  const united: PolicyRule[] = [];
  for (const selector of aggregationRule.clusterRoleSelectors ?? []) {
    for (const other of others.filter(({ metadata }) => selects(selector, metadata.labels ?? {}))) {
      for (const rule of rulesIn(other)) {
        if (!united.some((one) => equalJson(one, rule))) united.push(rule);
      }
    }
  }
  return united;
}
