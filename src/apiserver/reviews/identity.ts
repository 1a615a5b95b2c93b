/** The questions of authentication.k8s.io/v1: who am I, and whose is this token. */
import { API_AUDIENCES } from '../authn/authenticator.ts';
import type { Authenticator } from '../authn/authenticator.ts';
import { InvalidToken } from '../authn/token-check.ts';
import { userInfo } from '../authn/user.ts';
import { badRequest } from '../errors.ts';
import { timestamp } from '../../values/time.ts';
import type { JsonObject } from '../object.ts';
import type { Reviewer } from '../resource.ts';

export const AUTHENTICATION_GROUP = 'authentication.k8s.io';

export const selfSubjectReview =
  (now: () => Date): Reviewer =>
  ({ object, user }) => ({
    ...object,
    metadata: { ...object.metadata, creationTimestamp: timestamp(now()) },
    status: { userInfo: userInfo(user) as JsonObject },
  });

export const tokenReview =
  (authenticator: Authenticator): Reviewer =>
  ({ object }) => {
    const { token, audiences } = (object.spec ?? {}) as { token?: string; audiences?: string[] };
    if (!token) throw badRequest('token is required for TokenReview in authentication');
    const wanted = audiences?.length ? audiences : API_AUDIENCES;
    return { ...object, status: statusOf(authenticator, token, wanted) as JsonObject };
  };

function statusOf(authenticator: Authenticator, token: string, audiences: readonly string[]): object {
  try {
    const holder = authenticator.review(token, audiences);
    if (!holder) return { user: {} };
    return { authenticated: true, user: userInfo(holder.user), audiences: holder.audiences };
  } catch (error) {
    if (!(error instanceof InvalidToken)) throw error;
    return { user: {}, error: error.message };
  }
}
