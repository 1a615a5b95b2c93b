import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { unauthorized } from '../errors.ts';
import type { ApiRequest } from '../http.ts';
import type { ServiceAccountTokens } from './service-account-tokens.ts';
import { InvalidToken } from './token-check.ts';
import type { TokenHolder } from './token-check.ts';
import { ISSUER } from './token-claims.ts';
import { CREDENTIAL_ID, MASTERS, SERVER_USER, authenticated } from './user.ts';
import type { User } from './user.ts';

/** What a token must be good for, to be used with this server. */
export const API_AUDIENCES: readonly string[] = [ISSUER];

const digest = (token: string): Buffer => createHash('sha256').update(token).digest();

/**
 * Who may speak to the server: holders of a client certificate of our CA, of a token of the token file, and of a
 * ServiceAccount's token. A bearer token counts before a certificate: it was named by whoever made the request,
 * whereas a kubeconfig's certificate is always sent.
 */
export class Authenticator {
  readonly loopbackToken = randomBytes(32).toString('base64url');
  readonly #static: { digest: Buffer; user: User }[];
  readonly #serviceAccounts: ServiceAccountTokens;
  readonly #now: () => Date;

  constructor(
    serviceAccounts: ServiceAccountTokens,
    now: () => Date,
    tokens: Iterable<readonly [token: string, user: User]> = [],
  ) {
    const loopback = [this.loopbackToken, { name: SERVER_USER, groups: [MASTERS] }] as const;
    this.#static = [loopback, ...tokens].map(([token, user]) => ({ digest: digest(token), user }));
    this.#serviceAccounts = serviceAccounts;
    this.#now = now;
  }

  /** Throws 401. */
  authenticate(request: ApiRequest): User {
    const authorization = request.header('authorization');
    const bearer = authorization && /^Bearer (.+)$/i.exec(authorization)?.[1];
    const user = bearer ? this.#byToken(bearer) : this.#byCertificate(request);
    if (!user) throw unauthorized();
    return authenticated(user);
  }

  /** Who holds a token, and for which of the audiences; undefined when nobody does. Throws InvalidToken. */
  review(token: string, audiences: readonly string[]): TokenHolder | undefined {
    const user = this.#byStaticToken(token);
    if (user) return { user: authenticated(user), audiences };
    const holder = this.#serviceAccounts.authenticate(token, audiences);
    return holder && { ...holder, user: authenticated(holder.user) };
  }

  #byToken(token: string): User | undefined {
    try {
      return this.review(token, API_AUDIENCES)?.user;
    } catch (error) {
      // Why it does not count is no business of whoever has it.
      if (error instanceof InvalidToken) return undefined;
      throw error;
    }
  }

  /** Compares with every token in constant time. */
  #byStaticToken(token: string): User | undefined {
    const given = digest(token);
    let found: User | undefined;
    for (const known of this.#static) if (timingSafeEqual(known.digest, given)) found = known.user;
    return found;
  }

  #byCertificate({ certificate }: ApiRequest): User | undefined {
    if (!certificate || certificate.expires < this.#now()) return undefined;
    const { commonName, organizations, sha256 } = certificate;
    const extra = { [CREDENTIAL_ID]: [`X509SHA256=${sha256}`] };
    return { name: commonName, groups: organizations, extra };
  }
}
