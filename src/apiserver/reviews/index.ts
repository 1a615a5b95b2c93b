/** The kinds that are only ever created: each asks the server something, and nothing is stored. */
import type { Authenticator } from '../authn/authenticator.ts';
import type { ServiceAccountTokens } from '../authn/service-account-tokens.ts';
import type { TokenObjects } from '../authn/token-check.ts';
import type { Policy } from '../authz/policy.ts';
import { builtinResource } from '../builtin/builtin.ts';
import { nameColumn } from '../columns.ts';
import type { Resource, Reviewer } from '../resource.ts';
import {
  AUTHORIZATION_GROUP,
  localSubjectAccessReview,
  selfSubjectAccessReview,
  selfSubjectRulesReview,
  subjectAccessReview,
} from './access.ts';
import { AUTHENTICATION_GROUP, selfSubjectReview, tokenReview } from './identity.ts';
import { reviewSchemas } from './schemas.ts';
import { tokenRequest } from './token-request.ts';

export interface ReviewParts {
  readonly policy: Policy;
  readonly authenticator: Authenticator;
  readonly tokens: ServiceAccountTokens;
  readonly objects: TokenObjects;
  readonly now: () => Date;
}

export const reviewResources = ({ policy, authenticator, now }: ReviewParts): Resource[] => [
  review('SelfSubjectReview', AUTHENTICATION_GROUP, selfSubjectReview(now)),
  review('TokenReview', AUTHENTICATION_GROUP, tokenReview(authenticator)),
  {
    ...review('LocalSubjectAccessReview', AUTHORIZATION_GROUP, localSubjectAccessReview(policy)),
    namespaced: true,
  },
  review('SelfSubjectAccessReview', AUTHORIZATION_GROUP, selfSubjectAccessReview(policy)),
  review('SelfSubjectRulesReview', AUTHORIZATION_GROUP, selfSubjectRulesReview(policy)),
  review('SubjectAccessReview', AUTHORIZATION_GROUP, subjectAccessReview(policy)),
];

/** ServiceAccounts with their `token` subresource. */
export function withTokens(serviceAccounts: Resource, { tokens, objects, now }: ReviewParts): Resource {
  const token = review('TokenRequest', AUTHENTICATION_GROUP, tokenRequest(tokens, objects, now));
  return { ...serviceAccounts, subresources: new Map([['token', { ...token, namespaced: true }]]) };
}

function review(kind: keyof typeof reviewSchemas, group: string, answer: Reviewer): Resource {
  return builtinResource({
    kind,
    schema: reviewSchemas[kind],
    group,
    plural: `${kind.toLowerCase()}s`,
    clusterScoped: true,
    verbs: ['create'],
    columns: [nameColumn],
    review: answer,
    ...(reviewSchemas[kind].properties?.['spec'] && { always: { spec: {} } }),
  });
}
