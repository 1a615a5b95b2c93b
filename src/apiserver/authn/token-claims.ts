/** What ServiceAccount tokens say: pkg/serviceaccount/{claims,legacy}.go of Kubernetes. */
import type { KubeObject } from '../object.ts';
import { serviceAccountUsername } from './user.ts';

/** Of tokens that TokenRequest makes: they end, and are for some audiences. */
export const ISSUER = 'https://kubernetes.default.svc';
/** Of tokens in Secrets of type kubernetes.io/service-account-token: valid as long as the Secret. */
export const LEGACY_ISSUER = 'kubernetes/serviceaccount';

interface Reference {
  readonly name: string;
  readonly uid: string;
}

export interface BoundClaims {
  readonly iss: typeof ISSUER;
  readonly sub: string;
  readonly aud: readonly string[];
  readonly exp: number;
  readonly iat: number;
  readonly nbf: number;
  readonly jti: string;
  readonly 'kubernetes.io': {
    readonly namespace: string;
    readonly serviceaccount: Reference;
    readonly secret?: Reference;
  };
}

export interface LegacyClaims {
  readonly iss: typeof LEGACY_ISSUER;
  readonly sub: string;
  readonly 'kubernetes.io/serviceaccount/namespace': string;
  readonly 'kubernetes.io/serviceaccount/secret.name': string;
  readonly 'kubernetes.io/serviceaccount/service-account.name': string;
  readonly 'kubernetes.io/serviceaccount/service-account.uid': string;
}

const reference = ({ metadata: { name = '', uid = '' } }: KubeObject): Reference => ({ name, uid });

export const subjectOf = ({ metadata: { name = '', namespace = '' } }: KubeObject): string =>
  serviceAccountUsername({ name, namespace });

export interface BoundTokenWish {
  readonly serviceAccount: KubeObject;
  /** The token ends with this Secret. */
  readonly secret?: KubeObject;
  readonly audiences: readonly string[];
  readonly expirationSeconds: number;
}

export function boundClaims(wish: BoundTokenWish, now: Date, id: string): BoundClaims {
  const issuedAt = Math.floor(now.getTime() / 1000);
  return {
    iss: ISSUER,
    sub: subjectOf(wish.serviceAccount),
    aud: wish.audiences,
    exp: issuedAt + wish.expirationSeconds,
    iat: issuedAt,
    nbf: issuedAt,
    jti: id,
    'kubernetes.io': {
      namespace: wish.serviceAccount.metadata.namespace ?? '',
      serviceaccount: reference(wish.serviceAccount),
      ...(wish.secret && { secret: reference(wish.secret) }),
    },
  };
}

export function legacyClaims(serviceAccount: KubeObject, secretName: string): LegacyClaims {
  const { name, uid } = reference(serviceAccount);
  return {
    iss: LEGACY_ISSUER,
    sub: subjectOf(serviceAccount),
    'kubernetes.io/serviceaccount/namespace': serviceAccount.metadata.namespace ?? '',
    'kubernetes.io/serviceaccount/secret.name': secretName,
    'kubernetes.io/serviceaccount/service-account.name': name,
    'kubernetes.io/serviceaccount/service-account.uid': uid,
  };
}
