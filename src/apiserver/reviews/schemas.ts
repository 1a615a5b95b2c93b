import { boolean, integer, kindSchema, list, mapOf, object, string, time } from '../builtin/schemas.ts';
import type { Schema } from '../schema/schema.ts';

const text: Schema = { type: 'string' };
const texts = (description: string): Schema =>
  list(description, text, { 'x-kubernetes-list-type': 'atomic' });
const extra = mapOf('Any additional information provided by the authenticator.', texts('Values.'));

const userInfo = object('The user.', {
  username: string('The name that uniquely identifies this user among all active users.'),
  uid: string('A unique value that identifies this user across time.'),
  groups: texts('The names of groups this user is a part of.'),
  extra,
});

/** Selectors narrow nothing for RBAC: they are taken, and whoever may not list without may not list with them. */
const selector = (description: string): Schema => ({
  type: 'object',
  description,
  'x-kubernetes-preserve-unknown-fields': true,
});

const attributes = {
  resourceAttributes: object('Information for a resource access request.', {
    namespace: string('The namespace of the action; empty for cluster-scoped resources and all namespaces.'),
    verb: string(
      "A Kubernetes resource API verb, like get, list, watch, create, update, delete; '*' means all.",
    ),
    group: string("The API group of the resource; '*' means all."),
    version: string("The API version of the resource; '*' means all."),
    resource: string("One of the existing resource types; '*' means all."),
    subresource: string('One of the existing resource types; empty means none.'),
    name: string("The name of the resource for a 'get' or a 'delete'; empty means all."),
    fieldSelector: selector('Limits the access to what it selects.'),
    labelSelector: selector('Limits the access to what it selects.'),
  }),
  nonResourceAttributes: object('Information for a non-resource access request.', {
    path: string('The URL path of the request.'),
    verb: string('The standard HTTP verb.'),
  }),
};

const subjectSpec = object('Exactly one of resourceAttributes and nonResourceAttributes must be set.', {
  ...attributes,
  user: string('The user that is tested for.'),
  groups: texts('The groups that are tested for.'),
  uid: string('UID information about the requesting user.'),
  extra,
});

const accessStatus = object('Whether the request is allowed.', {
  allowed: boolean('True if the action would be allowed.'),
  denied: boolean('True if the action would be denied for good.'),
  reason: string('Why a request was allowed or denied.'),
  evaluationError: string('Some error that occurred during the authorization check.'),
});

const rule = (fields: string[]): Schema =>
  object('What is allowed.', Object.fromEntries(fields.map((field) => [field, texts(field)])));

const tokenStatus = {
  token: string('The opaque bearer token.'),
  expirationTimestamp: time('When it expires.'),
};

export const reviewSchemas = {
  SelfSubjectAccessReview: kindSchema(
    'Checks whether the current user can perform an action.',
    { spec: object('The request being evaluated.', attributes), status: accessStatus },
    ['spec'],
  ),
  SubjectAccessReview: kindSchema(
    'Checks whether a user or group can perform an action.',
    { spec: subjectSpec, status: accessStatus },
    ['spec'],
  ),
  LocalSubjectAccessReview: kindSchema(
    'Checks whether a user or group can perform an action in a given namespace.',
    { spec: subjectSpec, status: accessStatus },
    ['spec'],
  ),
  SelfSubjectRulesReview: kindSchema(
    'Enumerates the set of actions the current user can perform within a namespace.',
    {
      spec: object('The request being evaluated.', { namespace: string('Namespace to evaluate rules for.') }),
      status: object('The set of actions a user can perform.', {
        resourceRules: list('On resources.', rule(['verbs', 'apiGroups', 'resources', 'resourceNames'])),
        nonResourceRules: list('On paths.', rule(['verbs', 'nonResourceURLs'])),
        incomplete: boolean('True when the rules returned are incomplete.'),
        evaluationError: string('An error in the evaluation.'),
      }),
    },
    ['spec'],
  ),
  SelfSubjectReview: kindSchema('The user information that the API server has about whoever asks.', {
    status: object('Who asks.', { userInfo }),
  }),
  TokenReview: kindSchema(
    'Attempts to authenticate a token to a known user.',
    {
      spec: object('The request being evaluated.', {
        token: string('The opaque bearer token.'),
        audiences: texts('Identifiers that the resource server presented with the token identifies as.'),
      }),
      status: object('Whether the request can be authenticated.', {
        authenticated: boolean('That the token was associated with a known user.'),
        user: userInfo,
        audiences: texts('Those of the audiences asked for that the token is for.'),
        error: string("Why the token couldn't be checked."),
      }),
    },
    ['spec'],
  ),
  TokenRequest: kindSchema(
    'Requests a token for a given service account.',
    {
      spec: object('The request being evaluated.', {
        audiences: texts('The intended audiences of the token; those of the API server by default.'),
        expirationSeconds: integer('The requested duration of validity.', { format: 'int64' }),
        boundObjectRef: object('An object with whose deletion the token becomes invalid.', {
          kind: string('Secret.'),
          apiVersion: string('API version of the referent.'),
          name: string('Name of the referent.'),
          uid: string('UID of the referent.'),
        }),
      }),
      status: object('The token and when it expires.', tokenStatus),
    },
    ['spec'],
  ),
} satisfies Record<string, Schema>;
