/** Label and field selectors, as in `labelSelector` and `fieldSelector` query parameters. */
import { badRequest } from './errors.ts';
import { own } from './object.ts';
import type { KubeObject } from './object.ts';
import type { Resource } from './resource.ts';

export type Selector = (object: KubeObject) => boolean;

// Without white space at the ends.
const SET_REQUIREMENT = /^([^\s!=,()]+)\s+(in|notin)\s*\(([^)]*)\)$/;
const COMPARISON = /^([^\s!=<>,()]+)\s*(==|=|!=|<|>)\s*([^\s!=<>,()]*)$/;
const EXISTENCE = /^(!?)\s*([^\s!=<>,()]+)$/;

/** Each is asked of each object of the collection. */
const MAX_REQUIREMENTS = 200;

/** Splits at commas that are not inside parentheses. Throws 400 for too many. */
function requirements(text: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let inside = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '(') inside = true;
    else if (character === ')') inside = false;
    else if (character === ',' && !inside) {
      parts.push(text.slice(start, at));
      start = at + 1;
      if (parts.length >= MAX_REQUIREMENTS)
        throw badRequest(`a selector has more than ${MAX_REQUIREMENTS} requirements`);
    }
  }
  return [...parts, text.slice(start)];
}

/** Undefined when there is nothing to select by. Throws 400 for what cannot be parsed. */
export function parseLabelSelector(text: string | null): Selector | undefined {
  if (!text?.trim()) return undefined;
  const tests = requirements(text).map(labelRequirement);
  return (object) => tests.every((test) => test(object.metadata.labels ?? {}));
}

type LabelTest = (labels: Record<string, string>) => boolean;

/** A test of one label, undefined where there is none. */
const ofLabel =
  (key: string, test: (given: string | undefined) => boolean): LabelTest =>
  (labels) =>
    test(own(labels, key));

function labelRequirement(untrimmed: string): LabelTest {
  const text = untrimmed.trim();
  const set = SET_REQUIREMENT.exec(text);
  if (set) {
    const [, key = '', operator, list = ''] = set;
    const values = new Set<string | undefined>(list.split(',').map((value) => value.trim()));
    return ofLabel(key, (given) => values.has(given) === (operator === 'in'));
  }
  const comparison = COMPARISON.exec(text);
  if (comparison) {
    const [, key = '', operator = '=', value = ''] = comparison;
    switch (operator) {
      case '!=':
        return ofLabel(key, (given) => given !== value);
      case '<':
      case '>':
        return ofLabel(key, comparing(operator, value));
      default:
        return ofLabel(key, (given) => given === value);
    }
  }
  const existence = EXISTENCE.exec(text);
  if (!existence)
    throw badRequest(
      `unable to parse requirement: couldn't parse the selector string ${JSON.stringify(text)}`,
    );
  const [, not, key = ''] = existence;
  return ofLabel(key, (given) => (given !== undefined) === (not === ''));
}

/** Whole numbers, as Go parses them; other labels are neither more nor less than any. */
function comparing(operator: '<' | '>', value: string): (given: string | undefined) => boolean {
  const bound = wholeNumber(value);
  if (bound === undefined)
    throw badRequest(
      `unable to parse requirement: values[0]: Invalid value: ${JSON.stringify(value)}: for 'Gt', 'Lt' operators, the value must be an integer`,
    );
  return (given) => {
    const number = given === undefined ? undefined : wholeNumber(given);
    if (number === undefined) return false;
    return operator === '<' ? number < bound : number > bound;
  };
}

const wholeNumber = (text: string): bigint | undefined =>
  /^[+-]?\d+$/.test(text) ? BigInt(text.replace('+', '')) : undefined;

/** Only labels that the resource declares can be selected on. Throws 400 for others. */
export function parseFieldSelector(text: string | null, resource: Resource): Selector | undefined {
  if (!text?.trim()) return undefined;
  const tests = requirements(text)
    .filter(Boolean)
    .map((one) => fieldRequirement(one, resource));
  return (object) => tests.every((test) => test(object));
}

function fieldRequirement(text: string, resource: Resource): Selector {
  const match = /^([^=!\s]+)\s*(==|=|!=)\s*(.*)$/s.exec(text.trim());
  if (!match) throw badRequest(`invalid selector: '${text}'; can't understand '${text}'`);
  const [, label = '', operator, escaped = ''] = match;
  const value = escaped.replace(/\\([\\,=])/g, '$1');
  const read = fieldReader(label, resource);
  return operator === '!=' ? (object) => read(object) !== value : (object) => read(object) === value;
}

function fieldReader(label: string, resource: Resource): (object: KubeObject) => string {
  if (label === 'metadata.name') return (object) => object.metadata.name ?? '';
  if (label === 'metadata.namespace' && resource.namespaced)
    return (object) => object.metadata.namespace ?? '';
  const read = resource.fieldLabels.get(label);
  if (!read && !resource.custom && resource.fieldLabels.size === 0) {
    throw badRequest(
      `${JSON.stringify(label)} is not a known field selector: only "metadata.name", "metadata.namespace"`,
    );
  }
  if (!read) throw badRequest(`field label not supported: ${label}`);
  return read;
}

/** Both selectors together; undefined when everything matches. */
export function parseSelectors(query: URLSearchParams, resource: Resource): Selector | undefined {
  const byLabel = parseLabelSelector(query.get('labelSelector'));
  const byField = parseFieldSelector(query.get('fieldSelector'), resource);
  return byLabel && byField ? (object) => byLabel(object) && byField(object) : (byLabel ?? byField);
}
