/**
 * How others verify the tokens of ServiceAccounts by themselves: OpenID Connect Discovery 1.0 and RFC 7517.
 * https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#service-account-issuer-discovery
 */
import type { ApiRequest, ApiResponse } from '../http.ts';
import { JSON_TYPE } from '../media-types.ts';
import { ALGORITHM } from './jwt.ts';
import type { SigningKey } from './jwt.ts';
import { ISSUER } from './token-claims.ts';

export const ISSUER_PATHS = ['/.well-known/openid-configuration', '/openid/v1/jwks'] as const;

const [CONFIGURATION, KEYS] = ISSUER_PATHS;

/** Answers those two paths; `address` is host:port. */
export class IssuerDiscovery {
  readonly #key: SigningKey;
  readonly #address: () => string;

  constructor(key: SigningKey, address: () => string) {
    this.#key = key;
    this.#address = address;
  }

  answer({ method, path }: Pick<ApiRequest, 'method' | 'path'>): ApiResponse | undefined {
    if (method !== 'GET') return undefined;
    if (path === CONFIGURATION) return kept(JSON_TYPE, this.#configuration());
    return path === KEYS ? kept('application/jwk-set+json', { keys: [this.#jwk()] }) : undefined;
  }

  #configuration(): object {
    return {
      issuer: ISSUER,
      jwks_uri: `https://${this.#address()}${KEYS}`,
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: [ALGORITHM],
    };
  }

  #jwk(): object {
    const { publicKey, id } = this.#key;
    return { use: 'sig', kid: id, alg: ALGORITHM, ...publicKey.export({ format: 'jwk' }) };
  }
}

const kept = (contentType: string, document: object): ApiResponse => ({
  status: 200,
  headers: { 'content-type': contentType, 'cache-control': 'public, max-age=3600' },
  body: JSON.stringify(document),
});
