/** Who may use the server, and for what: its parts put together. */
import { join } from 'node:path';
import { decodeEntry } from './codec.ts';
import type { ApiContext } from './context.ts';
import { Authenticator } from './authn/authenticator.ts';
import { ServiceAccountTokens } from './authn/service-account-tokens.ts';
import type { SigningKey } from './authn/jwt.ts';
import { loadSigningKey } from './authn/signing-key.ts';
import type { TokenObjects } from './authn/token-check.ts';
import { readTokenFile } from './authn/token-file.ts';
import { PolicyIndex, RBAC_GROUP } from './authz/policy.ts';
import type { Policy } from './authz/policy.ts';
import { builtinResources } from './builtin/index.ts';
import { admissionResources } from './builtin/admission.ts';
import { rbacResources } from './builtin/rbac.ts';
import { follow } from './follow.ts';
import { keyOf } from './resource.ts';
import type { Resource } from './resource.ts';
import { reviewResources, withTokens } from './reviews/index.ts';

type AccessContext = Pick<ApiContext, 'store' | 'now' | 'logger'>;

export interface Access {
  readonly authenticator: Authenticator;
  readonly policy: Policy;
  readonly tokens: ServiceAccountTokens;
  readonly signingKey: SigningKey;
  readonly objects: TokenObjects;
  /** All kinds that are built in, those of access among them. */
  readonly resources: readonly Resource[];
  close(): Promise<void>;
}

/** Loads keys and tokens from `pki/`, and begins to follow the roles. */
export async function openAccess(context: AccessContext, pkiDirectory: string): Promise<Access> {
  const { store, now, logger } = context;
  const builtins = builtinResources();
  const objects = storedObjects(store, builtins);
  const signingKey = await loadSigningKey(join(pkiDirectory, 'service-accounts.key'));
  const tokens = new ServiceAccountTokens(signingKey, objects, now);
  const authenticator = new Authenticator(tokens, now, await readTokenFile(join(pkiDirectory, 'tokens')));
  const policy = new PolicyIndex();
  const feed = follow(store, `/registry/${RBAC_GROUP}/`, policy, logger);
  const parts = { policy, authenticator, tokens, objects, now };
  const resources = [
    ...builtins.map((one) => (one.plural === 'serviceaccounts' ? withTokens(one, parts) : one)),
    ...rbacResources(policy),
    ...admissionResources(),
    ...reviewResources(parts),
  ];
  return { authenticator, policy, tokens, signingKey, objects, resources, close: () => feed.close() };
}

function storedObjects(store: ApiContext['store'], builtins: readonly Resource[]): TokenObjects {
  const reader = (plural: string) => {
    const resource = builtins.find((one) => one.group === '' && one.plural === plural);
    return (namespace: string, name: string) => {
      const entry = resource && store.get(keyOf(resource, namespace, name));
      return entry && decodeEntry(entry);
    };
  };
  return { serviceAccount: reader('serviceaccounts'), secret: reader('secrets') };
}
