import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  randomBytes,
  type KeyObject,
} from 'node:crypto';

/** A text that only one host can read. All members are base64. */
export interface Sealed {
  /** The sender's one-time X25519 key (SubjectPublicKeyInfo, DER). */
  ephemeralKey: string;
  nonce: string;
  ciphertext: string;
  tag: string;
}

export interface SealingKeys {
  /** PKCS #8, PEM */
  privateKey: string;
  /** SubjectPublicKeyInfo, PEM */
  publicKey: string;
}

export function generateSealingKeys(): SealingKeys {
  return generateKeyPairSync('x25519', {
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
}

/**
 * X25519, HKDF-SHA-256, AES-256-GCM with a fresh key for every text.
 *
 * @param context bound to the text (host and object), so that a sealed text is of no use anywhere else
 */
export function seal(text: string, recipientPublicKey: string, context: string): Sealed {
  const ephemeral = generateKeyPairSync('x25519');
  const recipient = createPublicKey(recipientPublicKey);
  const nonce = randomBytes(12);
  const key = sharedKey(ephemeral.privateKey, recipient, context);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context, 'utf8'));
  const ciphertext = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return {
    ephemeralKey: ephemeral.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    nonce: nonce.toString('base64'),
    ciphertext: ciphertext.toString('base64'),
    tag: cipher.getAuthTag().toString('base64'),
  };
}

/** @throws when it was sealed for another host or object, or was changed */
export function open(sealed: Sealed, recipientPrivateKey: string, context: string): string {
  const bytes = (base64: string): Buffer => Buffer.from(base64, 'base64');
  const ephemeral = createPublicKey({ key: bytes(sealed.ephemeralKey), format: 'der', type: 'spki' });
  const key = sharedKey(createPrivateKey(recipientPrivateKey), ephemeral, context);
  const decipher = createDecipheriv('aes-256-gcm', key, bytes(sealed.nonce), { authTagLength: 16 })
    .setAAD(Buffer.from(context, 'utf8'))
    .setAuthTag(bytes(sealed.tag));
  return Buffer.concat([decipher.update(bytes(sealed.ciphertext)), decipher.final()]).toString('utf8');
}

function sharedKey(privateKey: KeyObject, publicKey: KeyObject, context: string): Buffer {
  const secret = diffieHellman({ privateKey, publicKey });
  return Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), `purlin/seal/v1\n${context}`, 32));
}
