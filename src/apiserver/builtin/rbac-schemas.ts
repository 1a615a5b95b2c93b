import type { Schema } from '../schema/schema.ts';
import { onePiece, kindSchema, list, mapOf, object, string } from './schemas.ts';

const text: Schema = { type: 'string' };
const atomic: Schema = { 'x-kubernetes-list-type': 'atomic' };

const policyRule = object(
  'PolicyRule holds information that describes a policy rule.',
  {
    verbs: list("Verbs that apply to all of the rule's resources. '*' represents all verbs.", text, atomic),
    apiGroups: list(
      "Names of the API groups that contain the resources. '*' is all, '' the core group.",
      text,
      atomic,
    ),
    resources: list("Resources this rule applies to. '*' represents all resources.", text, atomic),
    resourceNames: list('Names that the rule applies to; an empty list means everything.', text, atomic),
    nonResourceURLs: list(
      "Partial URLs, of which a '*' may be the last step. Only for ClusterRoles.",
      text,
      atomic,
    ),
  },
  ['verbs'],
);

const rules = list('Rules holds all the PolicyRules for this role.', policyRule, {
  ...atomic,
  nullable: true,
});

export const labelSelector = onePiece(
  object('A label query over a set of resources.', {
    matchLabels: mapOf('Each pair is equivalent to an In requirement with one value.', text),
    matchExpressions: list(
      'Label selector requirements, all of which must hold.',
      object(
        'A key, an operator and values.',
        {
          key: string('The label key that the selector applies to.'),
          operator: string('In, NotIn, Exists or DoesNotExist.'),
          values: list('Values of In and NotIn.', text, atomic),
        },
        ['key', 'operator'],
      ),
      atomic,
    ),
  }),
);

const subject = object(
  'Subject contains a reference to the object or user identities a role binding applies to.',
  {
    kind: string('User, Group or ServiceAccount.'),
    apiGroup: string("Defaults to '' for ServiceAccount, to rbac.authorization.k8s.io for User and Group."),
    name: string('Name of the object being referenced.'),
    namespace: string('Namespace of the ServiceAccount.'),
  },
  ['kind', 'name'],
);

const binding = {
  subjects: list('Subjects holds references to the objects the role applies to.', subject, atomic),
  roleRef: {
    ...object(
      'RoleRef can reference a Role in the current namespace or a ClusterRole. Immutable.',
      {
        apiGroup: string('The group of the resource being referenced.'),
        kind: string('Role or ClusterRole.'),
        name: string('The name of the role.'),
      },
      ['kind', 'name'],
    ),
    'x-kubernetes-map-type': 'atomic',
  } satisfies Schema,
};

export const rbacSchemas = {
  Role: kindSchema('Role is a namespaced grouping of PolicyRules that a RoleBinding refers to.', { rules }),
  ClusterRole: kindSchema('ClusterRole is a cluster level grouping of PolicyRules.', {
    rules,
    aggregationRule: object('How to build the Rules; they are then filled by the server.', {
      clusterRoleSelectors: list(
        'Selectors of the ClusterRoles whose rules are united.',
        labelSelector,
        atomic,
      ),
    }),
  }),
  RoleBinding: kindSchema(
    'RoleBinding references a role, but does not contain it. It grants it in its namespace.',
    binding,
    ['roleRef'],
  ),
  ClusterRoleBinding: kindSchema(
    'ClusterRoleBinding references a ClusterRole, but does not contain it. It grants it everywhere.',
    binding,
    ['roleRef'],
  ),
} satisfies Record<string, Schema>;
