/** Who may use the server, and for what: its parts put together. */
import { join } from 'node:path';
import { decodeEntry } from './codec.ts';
import type { ApiContext } from './context.ts';
import { Authenticator } from './authn/authenticator.ts';
import { ServiceAccountTokens } from './authn/service-account-tokens.ts';
import { loadSigningKey } from './authn/signing-key.ts';
import type { TokenObjects } from './authn/token-check.ts';
import { readTokenFile } from './authn/token-file.ts';
import { followPolicy } from './authz/follow.ts';
import type { Policy } from './authz/policy.ts';
import { rbacResources } from './builtin/rbac.ts';
import { keyOf } from './resource.ts';
import { reviewResources, withTokens } from './reviews/index.ts';

export interface Access {
  readonly authenticator: Authenticator;
  readonly policy: Policy;
  readonly tokens: ServiceAccountTokens;
  readonly objects: TokenObjects;
  close(): Promise<void>;
}

/** Loads keys and tokens from `pki/`, begins to follow the roles, and adds the kinds to the registry. */
export async function openAccess(context: ApiContext, pkiDirectory: string): Promise<Access> {
  const { store, registry, now, logger } = context;
  const objects = storedObjects(context);
  const tokens = new ServiceAccountTokens(
    await loadSigningKey(join(pkiDirectory, 'service-accounts.key')),
    objects,
    now,
  );
  const authenticator = new Authenticator(tokens, now, await readTokenFile(join(pkiDirectory, 'tokens')));
  const feed = followPolicy(store, logger);
  const { policy } = feed;
  const parts = { policy, authenticator, tokens, objects, now };
  for (const resource of [...rbacResources(policy), ...reviewResources(parts)]) registry.add(resource);
  const serviceAccounts = registry.find('', 'v1', 'serviceaccounts');
  if (serviceAccounts) registry.add(withTokens(serviceAccounts, parts));
  return { authenticator, policy, tokens, objects, close: () => feed.close() };
}

function storedObjects({ store, registry }: ApiContext): TokenObjects {
  const read = (plural: string, namespace: string, name: string) => {
    const resource = registry.find('', 'v1', plural);
    const entry = resource && store.get(keyOf(resource, namespace, name));
    return entry && decodeEntry(entry);
  };
  return {
    serviceAccount: (namespace, name) => read('serviceaccounts', namespace, name),
    secret: (namespace, name) => read('secrets', namespace, name),
  };
}
