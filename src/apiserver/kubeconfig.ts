import type { KeyPair, Pki } from './pki.ts';

export interface KubeconfigParts {
  readonly url: string;
  readonly caPem: string;
  readonly user: string;
  readonly credentials: KeyPair | { readonly token: string };
  /** The one that kubectl works in unless told otherwise. */
  readonly namespace: string;
}

export const adminKubeconfig = (url: string, { caPem, admin }: Pki): string =>
  kubeconfig({ url, caPem, user: 'purlin-admin', credentials: admin, namespace: 'default' });

/** A kubeconfig (YAML) with everything inline. */
export function kubeconfig({ url, caPem, user, credentials, namespace }: KubeconfigParts): string {
  const quoted = JSON.stringify(user);
  return `apiVersion: v1
kind: Config
clusters:
- name: purlin
  cluster:
    server: ${url}
    certificate-authority-data: ${base64(caPem)}
users:
- name: ${quoted}
  user:
${credentialLines(credentials)}
contexts:
- name: purlin
  context:
    cluster: purlin
    user: ${quoted}
    namespace: ${namespace}
current-context: purlin
`;
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

const credentialLines = (credentials: KubeconfigParts['credentials']): string =>
  'token' in credentials
    ? `    token: ${credentials.token}`
    : `    client-certificate-data: ${base64(credentials.certificatePem)}
    client-key-data: ${base64(credentials.keyPem)}`;
