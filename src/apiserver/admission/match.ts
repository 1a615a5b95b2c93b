/** Whether a policy or a webhook is meant by a request: k8s.io/apiserver/pkg/admission/plugin/{policy,webhook}. Pure. */
import { selects } from '../authz/label-selector.ts';
import type { LabelSelector } from '../authz/label-selector.ts';
import type { KubeObject } from '../object.ts';
import type { Resource } from '../resource.ts';
import { isNamespace } from '../resource.ts';
import type { AdmissionRequest } from './request.ts';
import { ADMISSION_GROUP } from './spec.ts';
import type { MatchResources, Rule } from './spec.ts';

/** What a request looks at besides itself. */
export interface Surroundings {
  namespace(name: string): KubeObject | undefined;
  /** Every version of the resource that is served, and every other resource that has the same objects in another form. */
  formsOf(resource: Resource): readonly Resource[];
}

/** Nobody locks themselves out of the configuration of admission: it is not subject to itself. */
export const isExempt = ({ group }: Resource): boolean => group === ADMISSION_GROUP;

/** The resource by which the request is meant: its own, or another form of it. Undefined if it is not meant. */
export function matchedResource(
  match: MatchResources,
  request: AdmissionRequest,
  around: Surroundings,
): Resource | undefined {
  const {
    namespaceSelector,
    objectSelector,
    resourceRules = [],
    excludeResourceRules = [],
    matchPolicy,
  } = match;
  if (!namespaceMatches(namespaceSelector, request, around)) return undefined;
  if (!objectMatches(objectSelector, request)) return undefined;
  if (matchedByRules(excludeResourceRules, matchPolicy, request, around)) return undefined;
  if (resourceRules.length === 0) return request.resource;
  return matchedByRules(resourceRules, matchPolicy, request, around);
}

function matchedByRules(
  rules: readonly Rule[],
  matchPolicy: string | undefined,
  request: AdmissionRequest,
  around: Surroundings,
): Resource | undefined {
  const { resource } = request;
  if (rules.some((rule) => ruleMatches(rule, request, resource))) return resource;
  if (matchPolicy === 'Exact') return undefined;
  const others = around.formsOf(resource).filter(({ apiVersion }) => apiVersion !== resource.apiVersion);
  return others.find((other) => rules.some((rule) => ruleMatches(rule, request, other)));
}

function ruleMatches(rule: Rule, request: AdmissionRequest, resource: Resource): boolean {
  const { operations = [], apiGroups = [], apiVersions = [], resources = [], resourceNames = [] } = rule;
  return (
    scopeMatches(rule.scope, request) &&
    hasOrAll(operations, request.operation) &&
    hasOrAll(apiGroups, resource.group) &&
    hasOrAll(apiVersions, resource.version) &&
    resources.some((pattern) => resourceMatches(pattern, resource.plural, request.subresource ?? '')) &&
    (resourceNames.length === 0 || resourceNames.includes(request.name))
  );
}

const hasOrAll = (list: readonly string[], item: string): boolean =>
  list.includes('*') || list.includes(item);

/** Without a slash a pattern is about the resource alone: `*` means no subresource. */
function resourceMatches(pattern: string, plural: string, subresource: string): boolean {
  const slash = pattern.indexOf('/');
  const [resource, sub] = slash < 0 ? [pattern, ''] : [pattern.slice(0, slash), pattern.slice(slash + 1)];
  return (resource === '*' || resource === plural) && (sub === '*' || sub === subresource);
}

function scopeMatches(scope: string | undefined, { resource }: AdmissionRequest): boolean {
  if (scope === 'Namespaced') return resource.namespaced;
  return scope !== 'Cluster' || !resource.namespaced;
}

const selectsAll = ({ matchLabels = {}, matchExpressions = [] }: LabelSelector): boolean =>
  Object.keys(matchLabels).length === 0 && matchExpressions.length === 0;

/** What is in no namespace is not told apart by one. */
function namespaceMatches(
  selector: LabelSelector = {},
  { resource, namespace, object }: AdmissionRequest,
  around: Surroundings,
): boolean {
  if (selectsAll(selector) || namespace === undefined) return true;
  const found = isNamespace(resource) && object ? object : around.namespace(namespace);
  return found !== undefined && selects(selector, found.metadata.labels ?? {});
}

const objectMatches = (selector: LabelSelector = {}, { object, old }: AdmissionRequest): boolean =>
  selectsAll(selector) ||
  [object, old].some((one) => one !== undefined && selects(selector, one.metadata.labels ?? {}));
