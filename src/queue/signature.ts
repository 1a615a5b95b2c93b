import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';

/**
 * Orders are a path to root on hosts, so whoever can write to Redis must not be able to make one: the controller
 * signs (Ed25519, RFC 8032) the very bytes that it writes, and the agent verifies before it reads them.
 */
export interface Signed {
  payload: string;
  /** base64 */
  signature: string;
}

export interface SigningKeys {
  /** PKCS #8, PEM */
  privateKey: string;
  /** SubjectPublicKeyInfo, PEM; what an agent trusts */
  publicKey: string;
}

export function generateSigningKeys(): SigningKeys {
  return generateKeyPairSync('ed25519', {
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
}

/** What a record is for; part of what is signed, so that one kind of record never passes for another. */
export type Purpose = 'order' | 'epoch';

const message = (purpose: Purpose, payload: string): Buffer =>
  Buffer.from(`purlin/${purpose}/v1\n${payload}`, 'utf8');

/** @throws when the text is no private key */
export function createSigner(privateKey: string): (purpose: Purpose, payload: string) => Signed {
  const key = createPrivateKey(privateKey);
  return (purpose, payload) => ({
    payload,
    signature: sign(null, message(purpose, payload), key).toString('base64'),
  });
}

/** Checks a record as it came from Redis. @returns its payload, or nothing when it is not the controller's */
export function createVerifier(publicKey: string): (purpose: Purpose, record: string) => string | undefined {
  const key = createPublicKey(publicKey);
  return (purpose, record) => {
    const signed = readSigned(record);
    if (signed === undefined) return undefined;
    const { payload, signature } = signed;
    return verify(null, message(purpose, payload), key, Buffer.from(signature, 'base64'))
      ? payload
      : undefined;
  };
}

function readSigned(record: string): Signed | undefined {
  try {
    const { payload, signature } = JSON.parse(record) as Partial<Signed>;
    return typeof payload === 'string' && typeof signature === 'string' ? { payload, signature } : undefined;
  } catch {
    return undefined;
  }
}
