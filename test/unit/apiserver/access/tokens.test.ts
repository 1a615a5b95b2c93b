import { describe, expect, test } from '@jest/globals';
import { generateKeyPairSync, sign } from 'node:crypto';
import { signJwt, signingKeyOf, verifyJwt } from '../../../../src/apiserver/authn/jwt.ts';
import { ServiceAccountTokens } from '../../../../src/apiserver/authn/service-account-tokens.ts';
import type { KubeObject } from '../../../../src/apiserver/object.ts';

const newKey = () => signingKeyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
const key = newKey();

const API = 'https://kubernetes.default.svc';
const START = Date.parse('2026-01-01T00:00:00Z');

const object = (
  kind: string,
  name: string,
  more: Partial<KubeObject> = {},
  metadata: object = {},
): KubeObject => ({
  apiVersion: 'v1',
  kind,
  ...more,
  metadata: { name, namespace: 'team', uid: `uid-of-${name}`, ...metadata },
});

const robot = object('ServiceAccount', 'robot');
const wish = { serviceAccount: robot, audiences: [API], expirationSeconds: 600 };

/** A world with a clock and the objects that tokens may name. */
function world(...objects: KubeObject[]) {
  const state = { seconds: 0, objects };
  const find = (kind: string) => (namespace: string, name: string) =>
    state.objects.find(
      (one) => one.kind === kind && one.metadata.name === name && one.metadata.namespace === namespace,
    );
  const lookup = { serviceAccount: find('ServiceAccount'), secret: find('Secret') };
  const tokens = new ServiceAccountTokens(key, lookup, () => new Date(START + state.seconds * 1000));
  const holder = (token: string, ...audiences: string[]) =>
    tokens.authenticate(token, audiences.length > 0 ? audiences : [API]);
  return { state, tokens, holder };
}

describe('JSON Web Tokens', () => {
  test('only what this key has signed is believed', () => {
    const token = signJwt({ iss: 'x', n: 1 }, key);
    expect(verifyJwt(token, key)).toEqual({ iss: 'x', n: 1 });
    expect(verifyJwt(token, newKey())).toBeUndefined();
    const [header = '', , signature = ''] = token.split('.');
    const forged = Buffer.from('{"iss":"y"}').toString('base64url');
    expect(verifyJwt(`${header}.${forged}.${signature}`, key)).toBeUndefined();
  });

  test.each([
    ['no token', 'guess'],
    ['no signature', `${signJwt({}, key).split('.').slice(0, 2).join('.')}.`],
    ['a part too many', `${signJwt({}, key)}.x`],
    ['no JSON', 'a.b.c'],
    ['far too long', 'a.b.'.padEnd(20_000, 'c')],
  ])('%s is none', (_, token) => {
    expect(verifyJwt(token, key)).toBeUndefined();
  });

  test('the header does not choose the algorithm', () => {
    const [, claims = '', signature = ''] = signJwt({ iss: 'x' }, key).split('.');
    const signed = (algorithm: string) => {
      const text = `${Buffer.from(JSON.stringify({ alg: algorithm })).toString('base64url')}.${claims}`;
      const options = { key: key.privateKey, dsaEncoding: 'ieee-p1363' } as const;
      return `${text}.${sign('sha256', Buffer.from(text), options).toString('base64url')}`;
    };
    expect(verifyJwt(signed('ES256'), key)).toEqual({ iss: 'x' });
    expect(verifyJwt(signed('HS256'), key)).toBeUndefined();
    const none = Buffer.from('{"alg":"none"}').toString('base64url');
    expect(verifyJwt(`${none}.${claims}.${signature}`, key)).toBeUndefined();
  });
});

describe('a bound token', () => {
  test('says whose it is', () => {
    const { tokens, holder } = world(robot);
    const { token, expires } = tokens.issueBound(wish);
    expect(expires).toEqual(new Date(START + 600_000));
    expect(holder(token)).toEqual({
      user: {
        name: 'system:serviceaccount:team:robot',
        uid: 'uid-of-robot',
        groups: ['system:serviceaccounts', 'system:serviceaccounts:team'],
        extra: {
          'authentication.kubernetes.io/credential-id': [expect.stringMatching(/^JTI=[0-9a-f-]{36}$/)],
        },
      },
      audiences: [API],
    });
  });

  test('expires, a minute later than it says', () => {
    const { state, tokens, holder } = world(robot);
    const { token } = tokens.issueBound(wish);
    state.seconds = 660;
    expect(holder(token)).toBeDefined();
    state.seconds = 661;
    expect(() => holder(token)).toThrow('service account token has expired');
  });

  test('is not valid before it was made', () => {
    const { state, tokens, holder } = world(robot);
    const { token } = tokens.issueBound(wish);
    state.seconds = -61;
    expect(() => holder(token)).toThrow('service account token is not valid yet');
  });

  test('is for its audiences only', () => {
    const { tokens, holder } = world(robot);
    const { token } = tokens.issueBound({ ...wish, audiences: ['vault', 'store'] });
    expect(() => holder(token)).toThrow(
      'token audiences ["vault" "store"] is invalid for the target audiences ["https://kubernetes.default.svc"]',
    );
    expect(holder(token, 'x', 'store')?.audiences).toEqual(['store']);
  });

  test('ends with its ServiceAccount, and another one of the name does not bring it back', () => {
    const { state, tokens, holder } = world(robot);
    const { token } = tokens.issueBound(wish);
    expect(holder(token)).toBeDefined();
    state.objects = [];
    expect(() => holder(token)).toThrow('service account team/robot has been deleted');
    state.objects = [object('ServiceAccount', 'robot', {}, { uid: 'new' })];
    expect(() => holder(token)).toThrow('service account team/robot has been deleted');
  });

  test('counts a minute more while its ServiceAccount waits for finalizers', () => {
    const deletionTimestamp = '2026-01-01T00:00:00Z';
    const { state, tokens, holder } = world(object('ServiceAccount', 'robot', {}, { deletionTimestamp }));
    const { token } = tokens.issueBound(wish);
    state.seconds = 60;
    expect(holder(token)).toBeDefined();
    state.seconds = 61;
    expect(() => holder(token)).toThrow(/has been deleted/);
  });

  test('ends with the Secret that it is bound to', () => {
    const secret = object('Secret', 'lock');
    const { state, tokens, holder } = world(robot, secret);
    const { token } = tokens.issueBound({ ...wish, secret });
    expect(holder(token)).toBeDefined();
    state.objects = [robot, object('Secret', 'lock', {}, { uid: 'new' })];
    expect(() => holder(token)).toThrow('service account token has been invalidated');
    state.objects = [robot];
    expect(() => holder(token)).toThrow('service account token has been invalidated');
  });
});

describe('the token of a Secret', () => {
  const secretWith = (token: string, metadata = {}) =>
    object('Secret', 's', { data: { token: Buffer.from(token).toString('base64') } }, metadata);

  test('counts as long as the Secret holds it, and never expires', () => {
    const { state, tokens, holder } = world(robot);
    const token = tokens.issueLegacy(robot, 's');
    expect(() => holder(token)).toThrow('Token has been invalidated');
    state.objects = [robot, secretWith(token)];
    state.seconds = 10 * 365 * 86_400;
    expect(holder(token)?.user.name).toBe('system:serviceaccount:team:robot');
    state.objects = [robot, secretWith('another')];
    expect(() => holder(token)).toThrow("Token does not match server's copy");
    state.objects = [robot, secretWith(token, { deletionTimestamp: '2036-01-01T00:00:00Z' })];
    expect(() => holder(token)).toThrow('Token has been invalidated');
    state.objects = [secretWith(token)];
    expect(() => holder(token)).toThrow(/has been deleted/);
  });

  test('is for the API server only', () => {
    const { state, tokens, holder } = world(robot);
    const token = tokens.issueLegacy(robot, 's');
    state.objects = [robot, secretWith(token)];
    expect(() => holder(token, 'vault')).toThrow('a token of a Secret is for the API server only');
  });
});

test('a token of another issuer is nobody’s', () => {
  const { holder } = world(robot);
  expect(holder(signJwt({ iss: 'https://elsewhere' }, key))).toBeUndefined();
  expect(holder('guess')).toBeUndefined();
});
