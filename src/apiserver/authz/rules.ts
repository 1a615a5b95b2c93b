/** One rule of a role, and what it lets do: pkg/registry/rbac and the RBAC helpers of Kubernetes. Pure. */
import type { Attributes, PathAttributes, ResourceAttributes } from './attributes.ts';

export interface PolicyRule {
  readonly verbs: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
}

const ALL = '*';

export function ruleAllows(rule: PolicyRule, wanted: Attributes): boolean {
  if (!hasOrAll(rule.verbs, wanted.verb)) return false;
  return 'path' in wanted ? allowsPath(rule, wanted) : allowsResource(rule, wanted);
}

const allowsPath = ({ nonResourceURLs = [] }: PolicyRule, { path }: PathAttributes): boolean =>
  nonResourceURLs.some((pattern) => urlCovers(pattern, path));

function allowsResource(
  rule: PolicyRule,
  { group, resource, subresource, name }: ResourceAttributes,
): boolean {
  const { apiGroups = [], resources = [], resourceNames = [] } = rule;
  const full = subresource ? `${resource}/${subresource}` : resource;
  return (
    hasOrAll(apiGroups, group) &&
    resources.some((one) => resourceCovers(one, full)) &&
    (resourceNames.length === 0 || (name !== undefined && resourceNames.includes(name)))
  );
}

const hasOrAll = (list: readonly string[], item: string): boolean =>
  list.includes(ALL) || list.includes(item);

// `*` is everything and `*/status` that subresource of everything; `machines/*` means nothing in Kubernetes.
function resourceCovers(pattern: string, resource: string): boolean {
  if (pattern === ALL || pattern === resource) return true;
  const slash = resource.indexOf('/');
  return slash >= 0 && pattern === `*${resource.slice(slash)}`;
}

/** A `*` at the end stands for any rest. */
const urlCovers = (pattern: string, path: string): boolean =>
  pattern === ALL ||
  pattern === path ||
  (pattern.endsWith(ALL) && path.startsWith(pattern.replace(/\*+$/, '')));

/** The parts of `wanted` that nobody with the rules `held` has: what they may not pass on. */
export function uncovered(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted.flatMap(breakDown).filter((part) => !held.some((rule) => ruleCovers(rule, part)));
}

const either = (list: readonly string[] | undefined): readonly (string | undefined)[] =>
  list?.length ? list : [undefined];

/** Into rules of one verb, one group, one resource and one name each, or one verb and one URL. */
function breakDown({
  verbs,
  apiGroups,
  resources,
  resourceNames,
  nonResourceURLs,
}: PolicyRule): PolicyRule[] {
  const ofResources = (apiGroups ?? []).flatMap((group) =>
    (resources ?? []).flatMap((resource) =>
      verbs.flatMap((verb) =>
        either(resourceNames).map((name) => ({
          verbs: [verb],
          apiGroups: [group],
          resources: [resource],
          ...(name !== undefined && { resourceNames: [name] }),
        })),
      ),
    ),
  );
  const ofUrls = (nonResourceURLs ?? []).flatMap((url) =>
    verbs.map((verb) => ({ verbs: [verb], nonResourceURLs: [url] })),
  );
  return [...ofResources, ...ofUrls];
}

function ruleCovers(
  held: PolicyRule,
  { verbs, apiGroups, resources, resourceNames, nonResourceURLs }: PolicyRule,
) {
  const names = held.resourceNames ?? [];
  return (
    verbs.every((verb) => hasOrAll(held.verbs, verb)) &&
    (apiGroups ?? []).every((group) => hasOrAll(held.apiGroups ?? [], group)) &&
    (resources ?? []).every((one) =>
      (held.resources ?? []).some((pattern) => resourceCovers(pattern, one)),
    ) &&
    (nonResourceURLs ?? []).every((url) => (held.nonResourceURLs ?? []).some((one) => urlCovers(one, url))) &&
    (names.length === 0 || (resourceNames ?? []).some((name) => names.includes(name)))
  );
}

/** Puts the verbs of rules that differ by nothing else together again, for people to read. */
export function compactRules(rules: readonly PolicyRule[]): PolicyRule[] {
  const compacted = new Map<string, PolicyRule>();
  for (const { verbs, ...rest } of rules) {
    const same = JSON.stringify(rest);
    compacted.set(same, { ...rest, verbs: [...(compacted.get(same)?.verbs ?? []), ...verbs] });
  }
  return [...compacted.values()];
}

/** As Kubernetes writes a rule into its messages. */
export function describeRule(rule: PolicyRule): string {
  const parts = [
    ['APIGroups', rule.apiGroups],
    ['Resources', rule.resources],
    ['NonResourceURLs', rule.nonResourceURLs],
    ['ResourceNames', rule.resourceNames],
    ['Verbs', rule.verbs],
  ] as const;
  const given = parts.filter(([, list]) => list?.length);
  return `{${given.map(([name, list]) => `${name}:${quotedList(list ?? [])}`).join(', ')}}`;
}

/** A list as Go's `%q` prints it. */
export const quotedList = (items: readonly string[]): string =>
  `[${items.map((item) => JSON.stringify(item)).join(' ')}]`;
