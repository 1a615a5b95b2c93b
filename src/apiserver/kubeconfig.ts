import type { Pki } from './pki.ts';

/** A kubeconfig (YAML) for the administrator, with everything inline. */
export function adminKubeconfig(url: string, { caPem, admin }: Pki): string {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  return `apiVersion: v1
kind: Config
clusters:
- name: purlin
  cluster:
    server: ${url}
    certificate-authority-data: ${base64(caPem)}
users:
- name: purlin-admin
  user:
    client-certificate-data: ${base64(admin.certificatePem)}
    client-key-data: ${base64(admin.keyPem)}
contexts:
- name: purlin
  context:
    cluster: purlin
    user: purlin-admin
    namespace: default
current-context: purlin
`;
}
