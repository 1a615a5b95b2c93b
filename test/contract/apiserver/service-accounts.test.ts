/** ServiceAccounts and their tokens, as kubectl and its users see them. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { createPrivateKey, createPublicKey, verify } from 'node:crypto';
import type { JsonWebKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { signJwt, signingKeyOf } from '../../../src/apiserver/authn/jwt.ts';
import { expecting } from './expecting.ts';
import { startTestServer } from './harness.ts';
import type { TestServer } from './harness.ts';

// Each call of kubectl is a process, and the machine may be busy with other tests.
jest.setTimeout(120_000);

let api: TestServer;
const { ok, fails } = expecting(() => api);
beforeAll(async () => {
  api = await startTestServer();
  // It comes a moment after the server.
  await ok('wait', '--for=create', 'serviceaccount/default');
});
afterAll(() => api.stop());

const asToken = (token: string) => ({ authorization: `Bearer ${token}` });

/** A namespace with its ServiceAccount `default`, which comes a moment after it. */
async function newNamespace(name: string): Promise<void> {
  await ok('create', 'namespace', name);
  await ok('wait', '--for=create', 'serviceaccount/default', 'configmap/kube-root-ca.crt', '-n', name);
}

test('every namespace has default and the certificate, and both come back', async () => {
  await newNamespace('furnished');
  const certificate = () =>
    ok('get', 'configmap', 'kube-root-ca.crt', '-n', 'furnished', '-o', String.raw`jsonpath={.data.ca\.crt}`);
  expect(await certificate()).toBe(api.server.caPem.trim());
  await ok('delete', 'serviceaccount', 'default', '-n', 'furnished');
  await ok('delete', 'configmap', 'kube-root-ca.crt', '-n', 'furnished');
  await ok('wait', '--for=create', 'serviceaccount/default', 'configmap/kube-root-ca.crt', '-n', 'furnished');
  await ok('delete', 'namespace', 'furnished');
  expect(await fails('get', 'namespace', 'furnished')).toMatch(/not found/);
});

test('a token ends with its ServiceAccount, and with the Secret it is bound to', async () => {
  await ok('create', 'serviceaccount', 'short');
  const token = await ok('create', 'token', 'short');
  expect((await api.call('GET', '/api', undefined, asToken(token))).status).toBe(200);
  await ok('delete', 'serviceaccount', 'short');
  expect(await fails('get', 'widgets', '--token', token)).toBe(
    'error: You must be logged in to the server (Unauthorized)',
  );
  await ok('create', 'serviceaccount', 'short');
  expect((await api.call('GET', '/api', undefined, asToken(token))).status).toBe(401);
  await ok('create', 'secret', 'generic', 'lock');
  const bound = await ok(
    'create',
    'token',
    'short',
    '--bound-object-kind=Secret',
    '--bound-object-name=lock',
  );
  expect((await api.call('GET', '/api', undefined, asToken(bound))).status).toBe(200);
  await ok('delete', 'secret', 'lock');
  expect((await api.call('GET', '/api', undefined, asToken(bound))).status).toBe(401);
});

test('an expired token is 401', async () => {
  const pem = await readFile(join(api.dataDir, 'pki', 'service-accounts.key'), 'utf8');
  const { body } = await api.call('GET', '/api/v1/namespaces/default/serviceaccounts/default');
  const { uid } = body['metadata'] as unknown as { uid: string };
  const now = Math.floor(Date.now() / 1000);
  const token = (exp: number) =>
    signJwt(
      {
        iss: 'https://kubernetes.default.svc',
        sub: 'system:serviceaccount:default:default',
        aud: ['https://kubernetes.default.svc'],
        iat: now - 7200,
        nbf: now - 7200,
        exp,
        jti: 'test',
        'kubernetes.io': { namespace: 'default', serviceaccount: { name: 'default', uid } },
      },
      signingKeyOf(createPrivateKey(pem)),
    );
  expect((await api.call('GET', '/api', undefined, asToken(token(now + 60)))).status).toBe(200);
  expect((await api.call('GET', '/api', undefined, asToken(token(now - 3600)))).status).toBe(401);
});

test('a token lasts and is for whom it was asked', async () => {
  expect(await fails('create', 'token', 'default', '--duration=1m')).toMatch(
    /spec\.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes/,
  );
  expect(await fails('create', 'token', 'nobody')).toMatch(/serviceaccounts "nobody" not found/);
  const token = await ok('create', 'token', 'default', '--audience=vault', '--duration=20m');
  expect((await api.call('GET', '/api', undefined, asToken(token))).status).toBe(401);
  const review = async (audiences?: string[]) => {
    const apiVersion = 'authentication.k8s.io/v1';
    const body = { apiVersion, kind: 'TokenReview', spec: { token, ...(audiences && { audiences }) } };
    return (await api.call('POST', `/apis/${apiVersion}/tokenreviews`, body)).body['status'];
  };
  expect(await review(['vault', 'x'])).toMatchObject({
    authenticated: true,
    audiences: ['vault'],
    user: { username: 'system:serviceaccount:default:default' },
  });
  expect(await review()).toMatchObject({
    user: {},
    error: expect.stringMatching(/token audiences \["vault"\]/),
  });
});

test('a Secret of type service-account-token is filled, and goes with the ServiceAccount', async () => {
  const secret = (name: string, account: string) => `
apiVersion: v1
kind: Secret
metadata: { name: ${name}, annotations: { kubernetes.io/service-account.name: ${account} } }
type: kubernetes.io/service-account-token
`;
  await ok('create', 'serviceaccount', 'argocd');
  await api.kubectlWith(secret('argocd-token', 'argocd'), 'apply', '-f', '-');
  await ok('wait', 'secret/argocd-token', '--for=jsonpath={.data.token}');
  const { body } = await api.call('GET', '/api/v1/namespaces/default/secrets/argocd-token');
  const data = body['data'] as unknown as Record<string, string>;
  const text = (key: string) => Buffer.from(data[key] ?? '', 'base64').toString();
  expect(text('namespace')).toBe('default');
  expect(text('ca.crt')).toBe(api.server.caPem);
  const { uid } = (await api.call('GET', '/api/v1/namespaces/default/serviceaccounts/argocd')).body[
    'metadata'
  ] as unknown as { uid: string };
  expect((body['metadata'] as unknown as { annotations: object }).annotations).toMatchObject({
    'kubernetes.io/service-account.uid': uid,
  });
  expect(await ok('auth', 'whoami', '--token', text('token'))).toMatch(
    /system:serviceaccount:default:argocd/,
  );
  await api.restart();
  expect((await api.call('GET', '/api', undefined, asToken(text('token')))).status).toBe(200);
  await ok('delete', 'serviceaccount', 'argocd');
  await ok('wait', '--for=delete', 'secret/argocd-token');
  expect((await api.call('GET', '/api', undefined, asToken(text('token')))).status).toBe(401);
  const nameless = secret('wrong', '""');
  expect((await api.kubectlWith(nameless, 'apply', '-f', '-')).stderr).toMatch(
    /metadata\.annotations\[kubernetes\.io\/service-account\.name\]: Required value/,
  );
});

test('others can verify a token by themselves, from what discovery says', async () => {
  await ok('create', 'serviceaccount', 'traveller');
  const token = await ok('create', 'token', 'traveller');
  const configuration = await api.call('GET', '/.well-known/openid-configuration', undefined, asToken(token));
  expect(configuration.body).toMatchObject({
    issuer: 'https://kubernetes.default.svc',
    jwks_uri: `${api.server.url}/openid/v1/jwks`,
  });
  const { headers, body } = await api.call('GET', '/openid/v1/jwks', undefined, asToken(token));
  expect(headers['content-type']).toBe('application/jwk-set+json');
  const [jwk] = body['keys'] as unknown as [JsonWebKey & { kid: string; alg: string }];
  const [header = '', claims = '', signature = ''] = token.split('.');
  expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toEqual({ alg: jwk.alg, kid: jwk.kid });
  const key = { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' } as const;
  const genuine = (text: string): boolean =>
    verify('sha256', Buffer.from(text), key, Buffer.from(signature, 'base64url'));
  expect(genuine(`${header}.${claims}`)).toBe(true);
  expect(genuine(`${header}.${claims}x`)).toBe(false);
});
