/**
 * Makes the default roles and bindings, and gives back what was taken from them: Kubernetes' "auto-reconciliation".
 * What was added stays, and an object annotated `rbac.authorization.kubernetes.io/autoupdate: "false"` is left alone.
 */
import { decodeEntry } from '../codec.ts';
import type { ApiContext } from '../context.ts';
import { ApiError } from '../errors.ts';
import { allObjects } from '../read/list.ts';
import { equalJson } from '../../values/equal.ts';
import type { KubeObject } from '../object.ts';
import { keyOf } from '../resource.ts';
import type { Resource } from '../resource.ts';
import { applyObject } from '../write/apply.ts';
import { createObject } from '../write/create.ts';
import { deleteObject } from '../write/delete.ts';
import { mutateObject } from '../write/mutate.ts';
import { internalWrite } from '../write/options.ts';
import type { ApplyOptions } from '../write/options.ts';
import { aggregatedRules } from './aggregation.ts';
import { AUTOUPDATE, DEFAULT_BINDINGS, DEFAULT_ROLES } from './default-roles.ts';
import type { LabelSelector } from './label-selector.ts';
import { RBAC_GROUP } from './policy.ts';
import { compactRules, uncovered } from './rules.ts';
import type { PolicyRule } from './rules.ts';

/** As Kubernetes' controller of that name, so that others see whose the rules are. */
const AGGREGATION: ApplyOptions = {
  ...internalWrite(),
  fieldManager: 'clusterrole-aggregation-controller',
  force: true,
  requireCreate: () => undefined,
};

/** How it is told that the object is not the one that was meant. */
const GONE: ReadonlySet<string> = new Set(['Conflict', 'NotFound', 'Invalid']);

/** The roles are whole when it resolves, aggregated ones too. */
export async function bootstrapRoles(context: ApiContext): Promise<void> {
  const roles = resourceOf(context, 'clusterroles');
  const bindings = resourceOf(context, 'clusterrolebindings');
  // All at once, so that they share their commits.
  await Promise.all([
    ...DEFAULT_ROLES.map((wanted) => reconcile(context, roles, wanted, addRules)),
    ...DEFAULT_BINDINGS.map(async (wanted) => {
      await removeRetargeted(context, bindings, wanted);
      await reconcile(context, bindings, wanted, addSubjects);
    }),
  ]);
  await aggregateRoles(context);
}

function resourceOf({ registry }: ApiContext, plural: string): Resource {
  const found = registry.find(RBAC_GROUP, 'v1', plural);
  if (!found) throw new Error(`the built-in resource ${plural} is missing`);
  return found;
}

async function reconcile(
  context: ApiContext,
  resource: Resource,
  wanted: KubeObject,
  add: (object: KubeObject, wanted: KubeObject) => void,
): Promise<void> {
  const { name = '' } = wanted.metadata;
  const key = keyOf(resource, undefined, name);
  const entry = context.store.get(key);
  if (!entry) {
    const target = { resource, namespace: undefined, name, subresource: undefined };
    const body = { object: structuredClone(wanted), duplicates: [] };
    await createObject(context, target, body, internalWrite());
    return;
  }
  await mutateObject(context, key, decodeEntry(entry).metadata.uid, (object) => {
    if (object.metadata.annotations?.[AUTOUPDATE] === 'false') return;
    object.metadata.labels = { ...wanted.metadata.labels, ...object.metadata.labels };
    object.metadata.annotations = { ...wanted.metadata.annotations, ...object.metadata.annotations };
    add(object, wanted);
  });
}

interface RoleFields {
  rules?: PolicyRule[];
  aggregationRule?: { clusterRoleSelectors: LabelSelector[] };
}

function addRules(object: KubeObject, wanted: KubeObject): void {
  const { aggregationRule } = wanted as RoleFields;
  const { rules = [], aggregationRule: present } = object as RoleFields;
  if (aggregationRule) {
    const selectors = present?.clusterRoleSelectors ?? [];
    const missing = aggregationRule.clusterRoleSelectors.filter(
      (one) => !selectors.some((s) => equalJson(s, one)),
    );
    object['aggregationRule'] = { clusterRoleSelectors: [...selectors, ...missing] };
  } else {
    object['rules'] = [...rules, ...compactRules(uncovered(rules, (wanted as RoleFields).rules ?? []))];
  }
}

function addSubjects(object: KubeObject, wanted: KubeObject): void {
  const present = Array.isArray(object['subjects']) ? (object['subjects'] as unknown[]) : [];
  const missing = (wanted['subjects'] as unknown[]).filter(
    (one) => !present.some((other) => equalJson(one, other)),
  );
  object['subjects'] = [...present, ...missing];
}

/** What a binding grants never changes; one that grants something else makes room. */
async function removeRetargeted(context: ApiContext, resource: Resource, wanted: KubeObject): Promise<void> {
  const { name = '' } = wanted.metadata;
  const entry = context.store.get(keyOf(resource, undefined, name));
  if (!entry) return;
  const { roleRef, metadata } = decodeEntry(entry);
  if (equalJson(roleRef, wanted['roleRef']) || metadata.annotations?.[AUTOUPDATE] === 'false') return;
  const target = { resource, namespace: undefined, name, subresource: undefined };
  await deleteObject(context, target, {
    dryRun: false,
    ...(metadata.uid !== undefined && { ofUid: metadata.uid }),
  });
}

/** Fills the roles that have an aggregation rule, until nothing changes: one may be part of another. */
export async function aggregateRoles(context: ApiContext): Promise<void> {
  const resource = resourceOf(context, 'clusterroles');
  for (let changed = true; changed; ) {
    changed = false;
    for (const role of await allObjects(context, resource)) {
      if (role['aggregationRule'] === undefined) continue;
      // Read anew for each: two that are part of each other would trade their rules for ever.
      const rules = aggregatedRules(role, await allObjects(context, resource));
      if (!rules || equalJson(rules, role['rules'] ?? [])) continue;
      changed = true;
      await applyRules(context, resource, role, rules);
    }
  }
}

/** Of a role that is gone meanwhile nothing is made anew. */
async function applyRules(
  context: ApiContext,
  resource: Resource,
  { apiVersion, kind, metadata: { name = '', uid = '' } }: KubeObject,
  rules: PolicyRule[],
): Promise<void> {
  const target = { resource, namespace: undefined, name, subresource: undefined };
  const object = { apiVersion, kind, metadata: { name, uid }, rules };
  try {
    await applyObject(context, target, { object, duplicates: [] }, AGGREGATION);
  } catch (error) {
    if (!(error instanceof ApiError && GONE.has(error.reason))) throw error;
  }
}
