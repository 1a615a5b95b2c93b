import type { KubeObject } from '../object.ts';
import { signJwt, verifyJwt } from './jwt.ts';
import type { SigningKey } from './jwt.ts';
import { ISSUER, LEGACY_ISSUER, boundClaims, legacyClaims } from './token-claims.ts';
import type { BoundClaims, BoundTokenWish, LegacyClaims } from './token-claims.ts';
import { checkBound, checkLegacy } from './token-check.ts';
import type { TokenHolder, TokenObjects } from './token-check.ts';

/** Verifying a signature takes a hundred times as long as the rest of a request's authentication. */
const REMEMBERED_TOKENS = 1000;

/** Makes the tokens of ServiceAccounts, and tells who holds one. */
export class ServiceAccountTokens {
  readonly #key: SigningKey;
  readonly #objects: TokenObjects;
  readonly #now: () => Date;
  /** Claims of genuine tokens, the latest used last. Whether they still count is decided anew each time. */
  readonly #genuine = new Map<string, Record<string, unknown>>();

  constructor(key: SigningKey, objects: TokenObjects, now: () => Date) {
    this.#key = key;
    this.#objects = objects;
    this.#now = now;
  }

  issueBound(wish: BoundTokenWish): { token: string; expires: Date } {
    const claims = boundClaims(wish, this.#now(), crypto.randomUUID());
    return { token: signJwt(claims, this.#key), expires: new Date(claims.exp * 1000) };
  }

  issueLegacy(serviceAccount: KubeObject, secretName: string): string {
    return signJwt(legacyClaims(serviceAccount, secretName), this.#key);
  }

  /** Undefined for a token that we have not made; throws InvalidToken for one that no longer counts. */
  authenticate(token: string, audiences: readonly string[]): TokenHolder | undefined {
    const claims = this.#verify(token);
    // The signature vouches for the shape of the claims: nobody else writes them.
    switch (claims?.['iss']) {
      case ISSUER:
        return checkBound(claims as unknown as BoundClaims, audiences, this.#objects, this.#now());
      case LEGACY_ISSUER:
        return checkLegacy(token, claims as unknown as LegacyClaims, audiences, this.#objects);
      default:
        return undefined;
    }
  }

  #verify(token: string): Record<string, unknown> | undefined {
    const claims = this.#genuine.get(token) ?? verifyJwt(token, this.#key);
    if (!claims) return undefined;
    this.#genuine.delete(token);
    this.#genuine.set(token, claims);
    const [oldest] = this.#genuine.keys();
    if (this.#genuine.size > REMEMBERED_TOKENS && oldest) this.#genuine.delete(oldest);
    return claims;
  }
}
