import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import { HOST_NAME } from '../values/names.ts';

/** Host names become object names, so they must be DNS subdomains in lower case. */
const defaultHostName = (): string =>
  hostname()
    .toLowerCase()
    .replace(/[^a-z0-9.-]/g, '-')
    .slice(0, 63)
    .replace(/[^a-z0-9]*\.[^a-z0-9]*/g, '.')
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '') || 'localhost';

function hostNameOf(value: string): string {
  if (value.length <= 63 && new RegExp(HOST_NAME).test(value)) return value;
  throw new InvalidArgumentError(
    'a host name has at most 63 lower case letters, digits, "-" and "."; each part between dots begins and ends with a letter or digit',
  );
}

const collect = (value: string, before: string[] = []): string[] => [...before, resolve(value)];

function portNumber(value: string): number {
  const port = Number(value);
  if (!Number.isInteger(port) || port < 0 || port > 65535)
    throw new InvalidArgumentError('a port is a number from 0 to 65535');
  return port;
}

function existingFile(value: string): string {
  if (!existsSync(value)) throw new InvalidArgumentError('there is no such file');
  return resolve(value);
}

/** Each option once, with its environment variable; commands pick what they need. */
export const options = {
  config: () =>
    new Option('--config <file>', 'YAML file with settings, named like the flags in camelCase')
      .env('PURLIN_CONFIG')
      .argParser(existingFile),
  dataDir: () =>
    new Option('--data-dir <dir>', 'everything that must last')
      .env('PURLIN_DATA_DIR')
      .default('/var/lib/purlin')
      .argParser((value) => resolve(value)),
  hostName: () =>
    new Option('--host-name <name>', 'name of this Host')
      .env('PURLIN_HOST_NAME')
      .argParser(hostNameOf)
      .default(defaultHostName(), 'the host name'),
  apiHost: () =>
    new Option('--api-host <address>', 'address that the API listens on')
      .env('PURLIN_API_HOST')
      .default('127.0.0.1'),
  apiPort: () =>
    new Option('--api-port <port>', 'port of the API; 0 picks a free one')
      .env('PURLIN_API_PORT')
      .default(16443)
      .argParser(portNumber),
  auditPolicy: () =>
    new Option('--audit-policy <file>', 'what the API server notes of requests: a Policy of audit.k8s.io/v1')
      .env('PURLIN_AUDIT_POLICY')
      .argParser(existingFile)
      .default(undefined, 'changes, and reads of Secrets, by their metadata'),
  auditLog: () =>
    new Option('--audit-log <file>', 'where it notes them, as JSON lines; "off" for nowhere')
      .env('PURLIN_AUDIT_LOG')
      .argParser((value) => (value === 'off' ? value : resolve(value)))
      .default(undefined, 'DATA_DIR/api/audit/audit.log'),
  hostNetns: () =>
    new Option('--host-netns <name>', 'network namespace for bridges, DHCP, libvirt and guests').env(
      'PURLIN_HOST_NETNS',
    ),
  libvirt: () =>
    new Option('--libvirt <choice>', 'which libvirt runs the guests; chosen once')
      .env('PURLIN_LIBVIRT')
      .choices(['auto', 'private', 'system'])
      .default('auto'),
  importDir: () =>
    new Option('--import-dir <dir>', 'directory that Images may be read from by file; may be repeated')
      .env('PURLIN_IMPORT_DIR')
      .argParser(collect)
      .default([] as string[], 'DATA_DIR/import'),
  allowPrivateImageSources: () =>
    new Option('--allow-private-image-sources', 'let Images come from private and loopback addresses').env(
      'PURLIN_ALLOW_PRIVATE_IMAGE_SOURCES',
    ),
  redisUrl: () => new Option('--redis-url <url>', 'redis:// or rediss:// address').env('PURLIN_REDIS_URL'),
  redisSocket: () => new Option('--redis-socket <path>', 'unix socket of Redis').env('PURLIN_REDIS_SOCKET'),
  trustFile: () =>
    new Option(
      '--trust-file <file>',
      'what agents trust, as JSON: written by the controller, read by agents (default: DATA_DIR/trust.json)',
    ).env('PURLIN_TRUST_FILE'),
  kubeconfig: () =>
    new Option('--kubeconfig <file>', 'the cluster to work in; in-cluster by default').env('KUBECONFIG'),
  logLevel: () =>
    new Option('--log-level <level>', 'least important messages to log')
      .env('PURLIN_LOG_LEVEL')
      .choices(['debug', 'info', 'warn', 'error'])
      .default('info'),
  logFormat: () =>
    new Option('--log-format <format>', 'how to log')
      .env('PURLIN_LOG_FORMAT')
      .choices(['json', 'pretty'])
      .default(process.stderr.isTTY ? 'pretty' : 'json', 'pretty on a terminal, json elsewhere'),
};
