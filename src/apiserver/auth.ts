import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { forbidden, unauthorized } from './errors.ts';
import type { ApiRequest } from './http.ts';

export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

const MASTERS = 'system:masters';

const digest = (token: string): Buffer => createHash('sha256').update(token).digest();

/** Who may speak to the server: holders of a client certificate of our CA or of a known bearer token. */
export class Authenticator {
  readonly loopbackToken = randomBytes(32).toString('base64url');
  readonly #tokens: { digest: Buffer; user: User }[];

  constructor(tokens: Iterable<readonly [token: string, user: User]> = []) {
    const loopback = [this.loopbackToken, { name: 'system:apiserver', groups: [MASTERS] }] as const;
    this.#tokens = [loopback, ...tokens].map(([token, user]) => ({ digest: digest(token), user }));
  }

  /** Throws 401. */
  authenticate(request: ApiRequest): User {
    const authorization = request.header('authorization');
    const bearer = authorization && /^Bearer (.+)$/i.exec(authorization)?.[1];
    const user = bearer ? this.#byToken(bearer) : this.#byCertificate(request);
    if (!user) throw unauthorized();
    return user;
  }

  /** Compares with every token in constant time. */
  #byToken(token: string): User | undefined {
    const given = digest(token);
    let found: User | undefined;
    for (const known of this.#tokens) if (timingSafeEqual(known.digest, given)) found = known.user;
    return found;
  }

  #byCertificate({ certificate }: ApiRequest): User | undefined {
    return certificate && { name: certificate.commonName, groups: certificate.organizations };
  }
}

/** Administrators may do everything and others nothing, until there are roles. Throws 403. */
export function authorize(user: User, request: ApiRequest): void {
  if (user.groups.includes(MASTERS)) return;
  throw forbidden(
    `User ${JSON.stringify(user.name)} cannot ${request.method.toLowerCase()} path ${JSON.stringify(request.path)}: ` +
      `only members of the group ${MASTERS} may use this server`,
  );
}

/** The token file of a Kubernetes API server: `token,user,uid,"group1,group2"` on each line. Absent → empty. */
export async function readTokenFile(file: string): Promise<[string, User][]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '' || line.startsWith('#')) return [];
    const match = /^([^,]+),([^,]+),([^,]*)(?:,(?:"([^"]*)"|([^,]*)))?\s*$/.exec(line);
    if (!match) throw new Error(`${file}, line ${index + 1}: expected token,user,uid,"groups"`);
    const [, token = '', name = '', , quoted, plain] = match;
    const groups = (quoted ?? plain ?? '').split(',').map((group) => group.trim());
    return [[token.trim(), { name, groups: groups.filter(Boolean) }] as [string, User]];
  });
}
