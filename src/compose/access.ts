/** Kubeconfigs for others than the administrator. */
import { join } from 'node:path';
import { kubeconfig } from '../apiserver/kubeconfig.ts';
import { issueForUser } from '../apiserver/pki.ts';
import { ApiClient } from '../reconcile/api-client.ts';
import { externalEndpoint } from './external-api.ts';
import { pathsOf } from './paths.ts';

interface Common {
  readonly dataDir: string;
  readonly expiresSeconds: number;
}

export interface UserWish extends Common {
  readonly user: string;
  readonly groups: readonly string[];
  readonly namespace: string;
}

export interface ServiceAccountWish extends Common {
  readonly namespace: string;
  readonly name: string;
}

/** For a user: a certificate made with the authority of the data directory, whether the server runs or not. */
export async function userKubeconfig(wish: UserWish): Promise<string> {
  const { dataDir, user, groups, namespace, expiresSeconds } = wish;
  const paths = pathsOf(dataDir);
  const { server } = await externalEndpoint(paths.kubeconfig);
  const { caPem, ...credentials } = await issueForUser(join(paths.apiDir, 'pki'), {
    commonName: user,
    organizations: groups,
    lastsMs: expiresSeconds * 1000,
  });
  return kubeconfig({ url: server, caPem, user, credentials, namespace });
}

const SERVICE_ACCOUNTS = { group: '', version: 'v1', plural: 'serviceaccounts' };

/** For a ServiceAccount: a token, which the server must make. Rejects with an ApiError when it does not. */
export async function serviceAccountKubeconfig(wish: ServiceAccountWish): Promise<string> {
  const { dataDir, namespace, name, expiresSeconds } = wish;
  const endpoint = await externalEndpoint(pathsOf(dataDir).kubeconfig);
  const client = new ApiClient(endpoint);
  try {
    const request = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: expiresSeconds },
    };
    const answer = await client.createSubresource(SERVICE_ACCOUNTS, { namespace, name }, 'token', request);
    const { status } = answer as { status: { token: string } };
    const caPem = String(endpoint.tls.ca);
    return kubeconfig({ url: endpoint.server, caPem, user: name, credentials: status, namespace });
  } finally {
    client.close();
  }
}
