/** JSON Web Tokens (RFC 7519) with ES256 signatures, as far as ServiceAccount tokens need them. */
import { createHash, createPublicKey, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

export interface SigningKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** Named in each token's header, as Kubernetes computes it from the public key. */
  readonly id: string;
}

export const ALGORITHM = 'ES256';
/** Two numbers side by side (RFC 7518, 3.4) instead of the ASN.1 that OpenSSL makes. */
const SIGNATURE = 'ieee-p1363';
const MAX_TOKEN_CHARACTERS = 16 * 1024;

export function signingKeyOf(privateKey: KeyObject): SigningKey {
  const publicKey = createPublicKey(privateKey);
  const der = publicKey.export({ type: 'spki', format: 'der' });
  return { privateKey, publicKey, id: createHash('sha256').update(der).digest('base64url') };
}

const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');

export function signJwt(claims: object, { privateKey, id }: SigningKey): string {
  const signed = `${encode({ alg: ALGORITHM, kid: id })}.${encode(claims)}`;
  const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: SIGNATURE });
  return `${signed}.${signature.toString('base64url')}`;
}

/** The claims of a token that this key has signed; undefined for anything else. Says nothing of its expiry. */
export function verifyJwt(token: string, { publicKey }: SigningKey): Record<string, unknown> | undefined {
  const [header, claims, signature, ...beyond] = token.split('.');
  if (!header || !claims || !signature || beyond.length > 0 || token.length > MAX_TOKEN_CHARACTERS)
    return undefined;
  // The header must not choose how it is verified (RFC 8725, 3.1).
  if (decode(header)?.['alg'] !== ALGORITHM) return undefined;
  const genuine = verify(
    'sha256',
    Buffer.from(`${header}.${claims}`),
    { key: publicKey, dsaEncoding: SIGNATURE },
    Buffer.from(signature, 'base64url'),
  );
  return genuine ? decode(claims) : undefined;
}

function decode(part: string): Record<string, unknown> | undefined {
  try {
    const value = JSON.parse(Buffer.from(part, 'base64url').toString()) as unknown;
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
