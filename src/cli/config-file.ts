import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { HOST_NAME } from '../values/names.ts';
import { UsageError } from './usage-error.ts';

/** Settings that are paths must not depend on where the command was typed. */
const ABSOLUTE = '^/';

const text = { type: 'string', minLength: 1 };
const port = { type: 'integer', minimum: 0, maximum: 65535 };

/** Every setting of the configuration file; the names are those of the flags in camelCase. */
const schema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    dataDir: { ...text, pattern: ABSOLUTE },
    hostName: { ...text, maxLength: 63, pattern: HOST_NAME },
    apiHost: text,
    apiPort: port,
    auditPolicy: { ...text, pattern: ABSOLUTE },
    auditLog: { ...text, pattern: '^(/|off$)' },
    hostNetns: { ...text, pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$' },
    libvirt: { enum: ['auto', 'private', 'system'] },
    importDir: { type: 'array', items: { ...text, pattern: ABSOLUTE } },
    allowPrivateImageSources: { type: 'boolean' },
    redisUrl: { ...text, pattern: '^rediss?://' },
    redisSocket: { ...text, pattern: ABSOLUTE },
    trustFile: { ...text, pattern: ABSOLUTE },
    kubeconfig: text,
    logLevel: { enum: ['debug', 'info', 'warn', 'error'] },
    logFormat: { enum: ['json', 'pretty'] },
  },
};

/**
 * Reads the YAML configuration file.
 * @throws UsageError naming the field that is wrong and what it may be
 */
export function readConfigFile(path: string): Record<string, unknown> {
  let config: unknown;
  try {
    config = parse(readFileSync(path, 'utf8')) ?? {};
  } catch (error) {
    throw new UsageError(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const validate = new Ajv({ allErrors: true }).compile(schema);
  if (!validate(config)) {
    const lines = (validate.errors ?? []).map(({ instancePath, message, params }) => {
      const field = instancePath.slice(1).replaceAll('/', '.') || 'the file';
      const unknown = params['additionalProperty'];
      if (unknown !== undefined)
        return `unknown setting ${unknown}; known are ${Object.keys(schema.properties).join(', ')}`;
      if (params['pattern'] === ABSOLUTE) return `${field} must be an absolute path`;
      const allowed = params['allowedValues'];
      return `${field} ${message}${Array.isArray(allowed) ? `: ${allowed.join(', ')}` : ''}`;
    });
    throw new UsageError(`${path}: ${lines.join('; ')}`);
  }
  return config as Record<string, unknown>;
}
