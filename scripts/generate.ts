/**
 * Generates src/resources/generated/ from crds/: one TypeScript file per kind. `--check` fails when a file would
 * change, so that the types can never drift from the API.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type JSONSchema, compile } from 'json-schema-to-typescript';
import { parse } from 'yaml';

const root = join(import.meta.dirname, '..');
const crdsDir = join(root, 'crds');
const outDir = join(root, 'src/resources/generated');

interface Schema {
  type?: string;
  description?: string;
  default?: unknown;
  required?: string[];
  properties?: Record<string, Schema>;
  items?: Schema;
  additionalProperties?: Schema | boolean;
  enum?: string[];
  'x-kubernetes-int-or-string'?: boolean;
}

/** A schema as the types should read it: what the API server defaults is always there. */
function normalise(schema: Schema): JSONSchema {
  const empty = Object.entries(schema).find(([, value]) => value === null);
  if (empty) throw new Error(`"${empty[0]}" has no value: a description with a comma has to be one scalar`);
  const described = schema.description ? { description: schema.description } : {};
  if (schema['x-kubernetes-int-or-string']) return { ...described, type: ['integer', 'string'] };
  if (schema.enum) return { ...described, enum: schema.enum };
  if (schema.type === 'array') return { ...described, type: 'array', items: normalise(schema.items ?? {}) };
  if (schema.type !== 'object') return { ...described, type: schema.type as 'string' };
  const properties = Object.entries(schema.properties ?? {});
  const always = properties.filter(([, property]) => property.default !== undefined).map(([name]) => name);
  return {
    ...described,
    type: 'object',
    properties: Object.fromEntries(properties.map(([name, property]) => [name, normalise(property)])),
    required: [...new Set([...(schema.required ?? []), ...always])],
    additionalProperties:
      typeof schema.additionalProperties === 'object' ? normalise(schema.additionalProperties) : false,
  };
}

async function typesOf(file: string): Promise<{ name: string; text: string }> {
  const crd = parse(readFileSync(join(crdsDir, file), 'utf8'));
  const kind: string = crd.spec.names.kind;
  const schema: Schema = crd.spec.versions[0].schema.openAPIV3Schema;
  const { spec = { type: 'object' }, status = { type: 'object' } } = schema.properties ?? {};
  const shape: JSONSchema = {
    type: 'object',
    description: schema.description ?? '',
    properties: { spec: normalise(spec), status: normalise(status) },
    required: ['spec'],
    additionalProperties: false,
  };
  const body = await compile(shape, `${kind}Fields`, {
    bannerComment: '',
    format: true,
    style: { singleQuote: true, printWidth: 110 },
    ignoreMinAndMaxItems: true,
  });
  return {
    name: `${kind.toLowerCase()}.ts`,
    text: `// Generated from crds/${file} by npm run generate. Do not edit.\n\n${body}`,
  };
}

const checkOnly = process.argv.includes('--check');
let stale = false;
for (const file of readdirSync(crdsDir).filter((name) => name.endsWith('.yaml'))) {
  const { name, text } = await typesOf(file);
  const path = join(outDir, name);
  let present = '';
  try {
    present = readFileSync(path, 'utf8');
  } catch {
    // not generated yet
  }
  if (present === text) continue;
  if (checkOnly) {
    stale = true;
    console.error(`${path} is out of date with crds/${file}; run npm run generate`);
  } else {
    writeFileSync(path, text);
    console.log(`wrote ${path}`);
  }
}
process.exitCode = stale ? 1 : 0;
