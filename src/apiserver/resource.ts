/** What the server knows about a resource. Built-ins and loaded CustomResourceDefinitions look the same here. */
import type { User } from './authn/user.ts';
import type { FieldError } from './errors.ts';
import type { NameRule } from './schema/metadata.ts';
import type { Schema } from './schema/schema.ts';
import type { Json, KubeObject } from './object.ts';

export interface TableColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  readonly format?: string;
  readonly description: string;
  /** 0 is always shown, more only with `-o wide`. */
  readonly priority: number;
  readonly cell: (object: KubeObject, now: Date) => unknown;
}

export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly listKind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly verbs: readonly Verb[];
  /** `apiVersion` of its objects. */
  readonly apiVersion: string;
  /** `apiVersion` of its objects in the store, which another version of the same kind may share. */
  readonly storedAs: string;
  /** The schema of that version, when it is another: whatever it does not know is not stored. */
  readonly storedSchema?: Schema;
  /** `spec` and `status` are written separately and `metadata.generation` counts changes of the rest. */
  readonly statusSubresource: boolean;
  /** Where the fields of its `scale` subresource are, if it has one. */
  readonly scale?: ScalePaths;
  /** What to warn those who still use this version. */
  readonly deprecation?: string;
  /** A CustomResourceDefinition's rules: pruning, generation, no strategic merge patch. */
  readonly custom: boolean;
  /** Whether PUT without a resourceVersion overwrites. */
  readonly unconditionalUpdate: boolean;
  readonly schema: Schema;
  readonly columns: readonly TableColumn[];
  /** Beyond metadata.name and metadata.namespace: label to the value it selects on. */
  readonly fieldLabels: ReadonlyMap<string, (object: KubeObject) => string>;
  /** Extra rules of a built-in: defaults and checks that its schema cannot say. */
  readonly rules?: BuiltinRules;
  /** Whether the answer to a deletion shows what is gone; otherwise it says that it is. */
  readonly showsDeleted?: true;
  /** What names may look like; a subdomain unless said. */
  readonly nameRule?: NameRule;
  /** A question in the form of an object: creating it answers it, and nothing is stored. */
  readonly review?: Reviewer;
  /** Fields that every object of the kind has, and what they hold when nobody says otherwise. */
  readonly always?: Readonly<Record<string, Json>>;
  /** Of what other resource its objects are another form, if they are. */
  readonly storedForm?: StoredForm;
  /** Further subresources by name, each a review that is created. */
  readonly subresources?: ReadonlyMap<string, Resource>;
}

/** What is asked, by whom, and where: the namespace and, for a subresource, the object's name. */
export interface Review {
  readonly object: KubeObject;
  readonly user: User;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
}

export type Reviewer = (review: Review) => KubeObject;

/** The objects of this resource are those of another, in another form. */
export interface StoredForm {
  readonly of: { readonly group: string; readonly plural: string };
  /** Neither changes what it is given. */
  readonly toServed: (stored: KubeObject) => KubeObject;
  readonly toStored: (served: KubeObject) => KubeObject;
}

/** JSONPaths of an object's fields that `autoscaling/v1` Scale shows. */
export interface ScalePaths {
  readonly specReplicasPath: string;
  readonly statusReplicasPath: string;
  readonly labelSelectorPath?: string;
}

export type Verb = 'create' | 'delete' | 'deletecollection' | 'get' | 'list' | 'patch' | 'update' | 'watch';

export const ALL_VERBS: readonly Verb[] = [
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'create',
  'update',
  'watch',
];

export interface BuiltinRules {
  readonly prepare?: (object: KubeObject, old: KubeObject | undefined) => void;
  readonly validate?: (object: KubeObject, old: KubeObject | undefined) => FieldError[];
  /** Throws 403 when this user may not write just this; not asked about the server's own writes. */
  readonly admit?: (object: KubeObject, old: KubeObject | undefined, user: User) => void;
  /** What becomes of an object when its deletion begins. */
  readonly markDeleted?: (object: KubeObject, now: Date) => void;
}

/** Custom kinds may have the same name. */
export const isNamespace = ({ group, plural }: Pick<Resource, 'group' | 'plural'>): boolean =>
  group === '' && plural === 'namespaces';

export const apiVersionOf = (group: string, version: string): string =>
  group ? `${group}/${version}` : version;

/** Where a resource's objects live in the store; the trailing slash keeps prefixes apart. */
export function keyPrefix(
  resource: Pick<Resource, 'group' | 'plural' | 'storedForm'>,
  namespace?: string,
): string {
  const { group, plural } = resource.storedForm?.of ?? resource;
  const base = `/registry/${group || 'core'}/${plural}/`;
  return namespace ? `${base}${namespace}/` : base;
}

export function keyOf(resource: Resource, namespace: string | undefined, name: string): string {
  return keyPrefix(resource, resource.namespaced ? namespace : undefined) + name;
}
