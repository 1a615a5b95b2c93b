/** Whether a genuine ServiceAccount token still counts: pure, but for the objects that it looks up. */
import { isObject } from '../object.ts';
import type { KubeObject } from '../object.ts';
import { ISSUER, subjectOf } from './token-claims.ts';
import type { BoundClaims, LegacyClaims } from './token-claims.ts';
import { CREDENTIAL_ID, serviceAccountGroups } from './user.ts';
import type { User } from './user.ts';

/** The newest state of the objects that a token names. */
export interface TokenObjects {
  serviceAccount(namespace: string, name: string): KubeObject | undefined;
  secret(namespace: string, name: string): KubeObject | undefined;
}

/** A token of ours that lets nobody in (any more). Its message may be told to a TokenReview. */
export class InvalidToken extends Error {
  override readonly name = 'InvalidToken';
}

/** Clocks differ: go-jose's default leeway, which Kubernetes uses. */
const LEEWAY_SECONDS = 60;

export interface TokenHolder {
  readonly user: User;
  readonly audiences: readonly string[];
}

/** Who holds a bound token, for those of the audiences asked for that it has. Throws {@link InvalidToken}. */
export function checkBound(
  claims: BoundClaims,
  wanted: readonly string[],
  objects: TokenObjects,
  now: Date,
): TokenHolder {
  const audiences = wanted.filter((audience) => claims.aud.includes(audience));
  if (audiences.length === 0) {
    throw new InvalidToken(
      `token audiences ${quoted(claims.aud)} is invalid for the target audiences ${quoted(wanted)}`,
    );
  }
  const seconds = now.getTime() / 1000;
  if (seconds > claims.exp + LEEWAY_SECONDS) throw new InvalidToken('service account token has expired');
  if (seconds < claims.nbf - LEEWAY_SECONDS) throw new InvalidToken('service account token is not valid yet');
  const { namespace, serviceaccount, secret } = claims['kubernetes.io'];
  const account = living(objects.serviceAccount(namespace, serviceaccount.name), seconds - LEEWAY_SECONDS);
  if (account?.metadata.uid !== serviceaccount.uid) {
    throw new InvalidToken(`service account ${namespace}/${serviceaccount.name} has been deleted`);
  }
  if (secret) {
    const bound = living(objects.secret(namespace, secret.name), seconds - LEEWAY_SECONDS);
    if (bound?.metadata.uid !== secret.uid)
      throw new InvalidToken('service account token has been invalidated');
  }
  return { user: userOf(account, { [CREDENTIAL_ID]: [`JTI=${claims.jti}`] }), audiences };
}

/** Who holds a token of a Secret. It must be the very token that the Secret has. Throws {@link InvalidToken}. */
export function checkLegacy(
  token: string,
  claims: LegacyClaims,
  wanted: readonly string[],
  objects: TokenObjects,
): TokenHolder {
  if (!wanted.includes(ISSUER)) throw new InvalidToken('a token of a Secret is for the API server only');
  const namespace = claims['kubernetes.io/serviceaccount/namespace'];
  const secret = objects.secret(namespace, claims['kubernetes.io/serviceaccount/secret.name']);
  if (!secret || secret.metadata.deletionTimestamp) throw new InvalidToken('Token has been invalidated');
  const kept = isObject(secret['data']) ? secret['data']['token'] : undefined;
  if (kept !== Buffer.from(token).toString('base64'))
    throw new InvalidToken("Token does not match server's copy");
  const name = claims['kubernetes.io/serviceaccount/service-account.name'];
  const account = objects.serviceAccount(namespace, name);
  const uid = claims['kubernetes.io/serviceaccount/service-account.uid'];
  if (!account || account.metadata.deletionTimestamp || account.metadata.uid !== uid) {
    throw new InvalidToken(`service account ${namespace}/${name} has been deleted`);
  }
  return { user: userOf(account), audiences: [ISSUER] };
}

/** An object that waits for its finalizers is as good as gone, after the leeway. */
function living(object: KubeObject | undefined, deletedBefore: number): KubeObject | undefined {
  const deletedAt = object?.metadata.deletionTimestamp;
  return deletedAt && Date.parse(deletedAt) / 1000 < deletedBefore ? undefined : object;
}

function userOf(account: KubeObject, extra?: User['extra']): User {
  const { namespace = '', uid = '' } = account.metadata;
  return {
    name: subjectOf(account),
    uid,
    groups: serviceAccountGroups(namespace),
    ...(extra && { extra }),
  };
}

const quoted = (texts: readonly string[]): string =>
  `[${texts.map((text) => JSON.stringify(text)).join(' ')}]`;
