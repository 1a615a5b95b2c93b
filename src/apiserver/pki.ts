/** The server's own certificate authority and what it signs, kept in `<dataDir>/pki`. */
import { X509Certificate } from 'node:crypto';
import type { webcrypto } from 'node:crypto';
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Pki {
  caPem: string;
  server: KeyPair;
  admin: KeyPair;
}

export interface KeyPair {
  certificatePem: string;
  keyPem: string;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const CA_DAYS = 3650;
const LEAF_DAYS = 365;
/** A certificate is made anew at start when less than this is left. */
const RENEW_BEFORE_DAYS = 90;
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** Loads the certificates of the directory, making or renewing what is missing. `hosts` are names and addresses. */
export async function loadPki(directory: string, hosts: readonly string[]): Promise<Pki> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await chmod(directory, 0o700);
  const ca = (await readPair(directory, 'ca')) ?? (await writePair(directory, 'ca', await makeCa()));
  const usable = (pair: KeyPair | undefined) => (pair && isFresh(pair, ca) ? pair : undefined);
  const server = usable(await readPair(directory, 'server'));
  const admin = usable(await readPair(directory, 'admin'));
  return {
    caPem: ca.certificatePem,
    server:
      server && coversHosts(server, hosts)
        ? server
        : await writePair(directory, 'server', await issue(ca, { commonName: 'purlin-apiserver', hosts })),
    admin:
      admin ??
      (await writePair(
        directory,
        'admin',
        await issue(ca, { commonName: 'purlin-admin', organizations: ['system:masters'] }),
      )),
  };
}

function isFresh(pair: KeyPair, ca: KeyPair): boolean {
  const certificate = new X509Certificate(pair.certificatePem);
  const left = certificate.validToDate.getTime() - Date.now();
  return (
    left > RENEW_BEFORE_DAYS * DAY_MS && certificate.verify(new X509Certificate(ca.certificatePem).publicKey)
  );
}

function coversHosts(pair: KeyPair, hosts: readonly string[]): boolean {
  const certificate = new X509Certificate(pair.certificatePem);
  return hosts.every(
    (host) => certificate.checkHost(host) !== undefined || certificate.checkIP(host) !== undefined,
  );
}

async function readPair(directory: string, name: string): Promise<KeyPair | undefined> {
  try {
    return {
      certificatePem: await readFile(join(directory, `${name}.crt`), 'utf8'),
      keyPem: await readFile(join(directory, `${name}.key`), 'utf8'),
    };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The key goes first: a certificate is never there without it. */
async function writePair(directory: string, name: string, pair: KeyPair): Promise<KeyPair> {
  await writePrivately(join(directory, `${name}.key`), pair.keyPem);
  await writePrivately(join(directory, `${name}.crt`), pair.certificatePem);
  return pair;
}

/** Replaces a file in one step; only its owner may read it. */
export async function writePrivately(file: string, content: string): Promise<void> {
  const temporary = `${file}.new`;
  await writeFile(temporary, content, { mode: 0o600 });
  await chmod(temporary, 0o600);
  await rename(temporary, file);
}

/** Loaded only when something must be signed: it is a tenth of the server's memory. */
async function x509() {
  await import('reflect-metadata');
  return import('@peculiar/x509');
}

async function makeCa(): Promise<KeyPair> {
  const { X509CertificateGenerator, BasicConstraintsExtension, KeyUsagesExtension, KeyUsageFlags } =
    await x509();
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: 'CN=purlin-ca',
    ...validity(CA_DAYS * DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(
        KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign | KeyUsageFlags.digitalSignature,
        true,
      ),
    ],
  });
  return { certificatePem: certificate.toString('pem'), keyPem: await exportKey(keys.privateKey) };
}

interface Subject {
  /** A client's user name. */
  commonName: string;
  /** A client's groups. */
  organizations?: readonly string[];
  /** A server certificate for these; without them, a client certificate. */
  hosts?: readonly string[];
  lastsMs?: number;
}

/** A certificate for a user, signed by the authority of a directory that {@link loadPki} has made. */
export async function issueForUser(
  directory: string,
  user: Required<Omit<Subject, 'hosts'>>,
): Promise<KeyPair & { caPem: string }> {
  const ca = await readPair(directory, 'ca');
  if (!ca) throw new Error(`there is no certificate authority in ${directory}`);
  return { ...(await issue(ca, user)), caPem: ca.certificatePem };
}

async function issue(ca: KeyPair, subject: Subject): Promise<KeyPair> {
  const { commonName, organizations = [], hosts, lastsMs = LEAF_DAYS * DAY_MS } = subject;
  const x = await x509();
  const caCertificate = new x.X509Certificate(ca.certificatePem);
  const signingKey = await importKey(ca.keyPem);
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const usage = hosts ? x.ExtendedKeyUsage.serverAuth : x.ExtendedKeyUsage.clientAuth;
  const names = (hosts ?? []).map((host) => ({
    type: isAddress(host) ? ('ip' as const) : ('dns' as const),
    value: host,
  }));
  const certificate = await x.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [...organizations.map((organization) => ({ O: [organization] })), { CN: [commonName] }],
    issuer: caCertificate.subject,
    ...validity(lastsMs),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey,
    extensions: [
      new x.BasicConstraintsExtension(false, undefined, true),
      new x.KeyUsagesExtension(x.KeyUsageFlags.digitalSignature, true),
      new x.ExtendedKeyUsageExtension([usage]),
      ...(names.length > 0 ? [new x.SubjectAlternativeNameExtension(names)] : []),
    ],
  });
  return { certificatePem: certificate.toString('pem'), keyPem: await exportKey(keys.privateKey) };
}

const isAddress = (host: string): boolean => /^[\d.]+$/.test(host) || host.includes(':');

/** Positive, as RFC 5280 wants it. */
const serialNumber = (): string => `01${crypto.randomUUID().replaceAll('-', '')}`;

/** Backdated a little, for clients whose clock is behind. */
const validity = (milliseconds: number) => ({
  notBefore: new Date(Date.now() - 5 * 60_000),
  notAfter: new Date(Date.now() + milliseconds),
});

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', key)).toString('base64');
  return `-----BEGIN PRIVATE KEY-----\n${der.replace(/.{64}/g, '$&\n')}\n-----END PRIVATE KEY-----\n`;
}

function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  return crypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']);
}
