import { badRequest, tooLarge } from '../errors.ts';
import { MAX_DEPTH, MAX_YAML_BYTES, bounded } from './bounds.ts';

const MAX_ALIASES = 100;

/** Parses one YAML document. Throws 400 for what is none, 413 for a text over the limit. */
export async function parseYaml(text: string): Promise<unknown> {
  if (text.length > MAX_YAML_BYTES)
    throw tooLarge(`Request entity too large: limit for YAML is ${MAX_YAML_BYTES}, send JSON`);
  requireShallow(text);
  const { parseDocument } = await import('yaml');
  try {
    // Its own account of each error takes time by their number squared, as does its
    // search for keys that occur twice.
    // Warnings (of an unknown tag) would go to our own standard error, for whoever likes to fill it.
    const document = parseDocument(text, { prettyErrors: false, uniqueKeys: false, logLevel: 'error' });
    const [fault] = document.errors;
    if (fault) throw new SyntaxError(`${fault.message} at line ${lineOf(text, fault.pos[0])}`);
    requireUniqueKeys(document.contents);
    return bounded(document.toJS({ maxAliasCount: MAX_ALIASES }) as unknown);
  } catch (error) {
    if (error instanceof Error && !('code' in error && typeof error.code === 'number')) {
      throw badRequest(`couldn't parse the body as YAML: ${error.message}`);
    }
    throw error;
  }
}

const lineOf = (text: string, at: number): number => text.slice(0, at).split('\n').length;

/** A deep text would take long before the stack ends. Counts brackets, and dashes of nested lists in one line. */
function requireShallow(text: string): void {
  let open = 0;
  let dashes = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '[' || character === '{') open += 1;
    else if ((character === ']' || character === '}') && open > 0) open -= 1;
    if (character === '-' || character === '?' || character === ':') dashes += 1;
    else if (character !== ' ') dashes = 0;
    if (open > MAX_DEPTH || (dashes > MAX_DEPTH && text[at - 1] === ' '))
      throw badRequest(`the body is nested deeper than ${MAX_DEPTH} levels`);
  }
}

function requireUniqueKeys(node: unknown): void {
  if (typeof node !== 'object' || node === null) return;
  const items = 'items' in node && Array.isArray(node.items) ? (node.items as unknown[]) : [];
  const keys = new Set<string>();
  for (const item of items) {
    if (typeof item === 'object' && item !== null && 'key' in item) {
      const { key, value } = item as { key: unknown; value?: unknown };
      const name = String(key);
      if (keys.has(name))
        throw badRequest(`couldn't parse the body as YAML: Map keys must be unique: ${name.slice(0, 200)}`);
      keys.add(name);
      requireUniqueKeys(value);
    } else requireUniqueKeys(item);
  }
}
