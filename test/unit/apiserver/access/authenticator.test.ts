import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Authenticator } from '../../../../src/apiserver/authn/authenticator.ts';
import { signingKeyOf } from '../../../../src/apiserver/authn/jwt.ts';
import { ServiceAccountTokens } from '../../../../src/apiserver/authn/service-account-tokens.ts';
import { readTokenFile } from '../../../../src/apiserver/authn/token-file.ts';
import type { ApiRequest, ClientCertificate } from '../../../../src/apiserver/http.ts';

const now = () => new Date('2026-01-01T00:00:00Z');
const key = signingKeyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
const nothing = { serviceAccount: () => undefined, secret: () => undefined };
const tokens = new ServiceAccountTokens(key, nothing, now);
const authenticator = new Authenticator(tokens, now, [['s3cret', { name: 'joe', groups: ['ops'] }]]);

const certificate = (expires: string): ClientCertificate => ({
  commonName: 'jane',
  organizations: ['team-a'],
  sha256: 'ab12',
  expires: new Date(expires),
});

const request = (authorization?: string, shown?: ClientCertificate): ApiRequest => ({
  method: 'GET',
  path: '/',
  query: new URLSearchParams(),
  header: (name) => (name === 'authorization' ? authorization : undefined),
  headers: [],
  body: () => Promise.resolve(Buffer.alloc(0)),
  warnings: [],
  annotations: {},
  gone: new AbortController().signal,
  certificate: shown,
});

describe('who is let in', () => {
  const good = certificate('2026-01-02T00:00:00Z');

  test('the holder of a certificate, until it expires', () => {
    expect(authenticator.authenticate(request(undefined, good))).toEqual({
      name: 'jane',
      groups: ['team-a', 'system:authenticated'],
      extra: { 'authentication.kubernetes.io/credential-id': ['X509SHA256=ab12'] },
    });
    const old = certificate('2025-12-31T23:59:59Z');
    expect(() => authenticator.authenticate(request(undefined, old))).toThrow('Unauthorized');
  });

  test('the holder of a token, whatever certificate is shown beside it', () => {
    expect(authenticator.authenticate(request('Bearer s3cret', good)).name).toBe('joe');
    expect(() => authenticator.authenticate(request('Bearer guess', good))).toThrow('Unauthorized');
  });

  test('the controllers of this process', () => {
    const { name, groups } = authenticator.authenticate(request(`Bearer ${authenticator.loopbackToken}`));
    expect([name, groups]).toEqual(['system:apiserver', ['system:masters', 'system:authenticated']]);
  });

  test.each([[undefined], ['Bearer '], ['Basic am9lOnMzY3JldA=='], ['s3cret']])(
    'nobody with %p',
    (authorization) => {
      expect(() => authenticator.authenticate(request(authorization))).toThrow('Unauthorized');
    },
  );

  test('the token of a ServiceAccount that is gone says nothing of why', () => {
    const serviceAccount = {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'a', namespace: 'b', uid: 'c' },
    };
    const { token } = tokens.issueBound({
      serviceAccount,
      audiences: ['https://kubernetes.default.svc'],
      expirationSeconds: 600,
    });
    expect(() => authenticator.authenticate(request(`Bearer ${token}`))).toThrow(/^Unauthorized$/);
  });
});

describe('the token file', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'purlin-tokens-'));
  });
  afterAll(() => rm(directory, { recursive: true }));

  test('has a user on each line', async () => {
    const file = join(directory, 'tokens');
    await writeFile(file, '# comment\nt1,joe,7,"a, b"\n\nt2,ann,\n');
    expect(await readTokenFile(file)).toEqual([
      ['t1', { name: 'joe', uid: '7', groups: ['a', 'b'] }],
      ['t2', { name: 'ann', groups: [] }],
    ]);
  });

  test('may be absent, but not wrong', async () => {
    expect(await readTokenFile(join(directory, 'none'))).toEqual([]);
    const file = join(directory, 'wrong');
    await writeFile(file, 't1,joe,7\nnonsense\n');
    await expect(readTokenFile(file)).rejects.toThrow(/wrong, line 2: expected token,user,uid,"groups"/);
  });
});
