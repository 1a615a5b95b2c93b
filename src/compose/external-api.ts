import type { RequestOptions } from 'node:https';
import type { ApiEndpoint } from '../reconcile/api-client.ts';

/**
 * The endpoint of a kubeconfig, or of the cluster that this process runs in. Reading one in all its forms (exec
 * plugins, token files, contexts) is @kubernetes/client-node's business; it is loaded only here, for its size.
 */
export async function externalEndpoint(kubeconfig: string | undefined): Promise<ApiEndpoint> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  if (kubeconfig) config.loadFromFile(kubeconfig);
  else config.loadFromDefault();
  const cluster = config.getCurrentCluster();
  if (!cluster)
    throw new Error('no cluster is configured; name a kubeconfig with --kubeconfig or KUBECONFIG');
  const apply = async (): Promise<RequestOptions> => {
    const options: RequestOptions = {};
    await config.applyToHTTPSOptions(options);
    return options;
  };
  const { ca, cert, key, rejectUnauthorized, servername } = await apply();
  return {
    server: cluster.server,
    tls: { ca, cert, key, rejectUnauthorized, servername },
    authorize: async () => (await apply()).headers as Record<string, string>,
  };
}
