/** A built-in kind as data, and the resource that it becomes. */
import type { Json, KubeObject } from '../object.ts';
import { ALL_VERBS, apiVersionOf } from '../resource.ts';
import type { BuiltinRules, Resource, Reviewer, StoredForm, TableColumn, Verb } from '../resource.ts';
import type { NameRule } from '../schema/metadata.ts';
import type { Schema } from '../schema/schema.ts';

/** A built-in kind; what it does not say is as for most of them. */
export interface Builtin {
  kind: string;
  plural: string;
  schema: Schema;
  group?: string;
  shortNames?: string[];
  clusterScoped?: true;
  statusSubresource?: true;
  verbs?: Verb[];
  columns: TableColumn[];
  fieldLabels?: [string, (object: KubeObject) => string][];
  rules?: BuiltinRules;
  nameRule?: NameRule;
  /** A PUT must name the version that it replaces. */
  conditionalUpdate?: true;
  review?: Reviewer;
  showsDeleted?: true;
  /** Fields that are always there, with what they hold when nobody says otherwise: those of a Go type. */
  always?: Readonly<Record<string, Json>>;
  storedForm?: StoredForm;
}

/** The resource of a built-in kind, version v1. */
export function builtinResource(builtin: Builtin): Resource {
  const { kind, plural, schema, group = '', rules, nameRule, review, always, storedForm } = builtin;
  return {
    group,
    version: 'v1',
    apiVersion: apiVersionOf(group, 'v1'),
    storedAs: apiVersionOf(group, 'v1'),
    kind,
    listKind: `${kind}List`,
    plural,
    singular: kind.toLowerCase(),
    shortNames: builtin.shortNames ?? [],
    categories: [],
    namespaced: !builtin.clusterScoped,
    verbs: builtin.verbs ?? ALL_VERBS.toSorted(),
    statusSubresource: builtin.statusSubresource ?? false,
    custom: false,
    unconditionalUpdate: !builtin.conditionalUpdate,
    schema,
    columns: builtin.columns,
    fieldLabels: new Map(builtin.fieldLabels),
    ...(rules && { rules }),
    ...(nameRule && { nameRule }),
    ...(review && { review }),
    ...(always && { always }),
    ...(storedForm && { storedForm }),
    ...(builtin.showsDeleted && { showsDeleted: true }),
  };
}
