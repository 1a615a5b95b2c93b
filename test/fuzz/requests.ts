/** Requests made from a seed: those of the differential suite, bent in one place or several. */
import { SCENARIOS } from '../differential/scenarios/index.ts';
import type { Step } from '../differential/scenario.ts';

/** Numbers below `below` that depend on the seed alone. */
export type Dice = (below: number) => number;

/** Mulberry32. */
export function diceOf(seed: number): Dice {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

export interface FuzzRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | undefined;
}

/** No webhooks: a bent address might be somebody's. */
const STEPS: readonly Step[] = SCENARIOS.flatMap(({ steps }) => steps).filter(
  ({ path, body }) => !/webhookconfigurations/.test(path) && !JSON.stringify(body ?? '').includes('https://'),
);
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'];
const CONTENT_TYPES = [
  'application/json',
  'application/yaml',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/json-patch+json',
  'application/apply-patch+yaml',
  'application/vnd.kubernetes.protobuf',
];
const QUERIES = [
  'dryRun=All',
  'fieldManager=fuzz',
  'fieldValidation=Strict',
  'force=true',
  'labelSelector=a in (b,c),!d',
  'labelSelector=((',
  'fieldSelector=metadata.name%3Dx',
  'limit=1',
  'limit=99999999999999999999',
  'continue=e30',
  'resourceVersion=0',
  'resourceVersion=18446744073709551616',
  'resourceVersionMatch=Exact',
  'watch=1',
  'sendInitialEvents=true',
  'timeoutSeconds=-1',
];
const ODD_VALUES: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e300,
  9_007_199_254_740_992,
  '',
  'x',
  '\u0000',
  '\ud800',
  '../..',
  'a'.repeat(300),
  [],
  {},
  [null],
  [[]],
  { '': {} },
  { a: { b: null } },
  '{{',
  '(a+)+$',
  '2020-01-01T00:00:00Z',
  '1Gi',
  'size(self) > 0',
  Array.from({ length: 200 }, (_, i) => i),
  { constructor: 1 },
  { kind: 'X', metadata: 1 },
];

/** A watch ends soon, whatever else it says. */
const bounded = (path: string): string => `${path}${path.includes('?') ? '&' : '?'}timeoutSeconds=1`;

export function requestOf(dice: Dice): FuzzRequest {
  const pick = <Item>(items: readonly Item[]): Item => items[dice(items.length)] as Item;
  const step = pick(STEPS);
  const fill = (text: string) => text.replaceAll('{ns}', 'default').replace(/\{[\w.-]+\}/g, 'x');
  let path = fill(step.path);
  if (dice(4) === 0) path += `${path.includes('?') ? '&' : '?'}${pick(QUERIES).replaceAll(' ', '%20')}`;
  if (dice(12) === 0)
    path = path.replace(/[^/]+(?=\?|$)/, pick(['%00', '%ff', '..', 'a'.repeat(300), '%2F', 'status']));
  if (/watch=/.test(path)) path = bounded(path);
  const method = dice(6) === 0 ? pick(METHODS) : step.method;
  const type = dice(6) === 0 ? pick(CONTENT_TYPES) : (step.headers?.['content-type'] ?? 'application/json');
  return {
    method,
    path: encodeURI(path).replaceAll('%25', '%'),
    headers: { 'content-type': type },
    body: bodyOf(step, method, fill, dice),
  };
}

function bodyOf(step: Step, method: string, fill: (text: string) => string, dice: Dice): FuzzRequest['body'] {
  if (method === 'GET' || method === 'HEAD' || step.body === undefined) return undefined;
  if (step.body instanceof Uint8Array) {
    const bytes = Uint8Array.from(step.body);
    for (let i = dice(4); i > 0 && bytes.length > 0; i--) bytes[dice(bytes.length)] = dice(256);
    return bytes.subarray(0, dice(5) === 0 ? dice(bytes.length + 1) : bytes.length);
  }
  let text = fill(typeof step.body === 'string' ? step.body : JSON.stringify(step.body));
  try {
    let value = JSON.parse(text) as unknown;
    for (let i = dice(4); i > 0; i--) value = bent(value, dice);
    text = JSON.stringify(value);
  } catch {
    // Not JSON: bent as a text below.
  }
  if (dice(10) > 0) return text;
  const at = dice(text.length + 1);
  return text.slice(0, at) + String.fromCharCode(dice(128)) + text.slice(at + dice(3));
}

/** With one of its values replaced, removed or doubled, somewhere on a random way down. */
function bent(value: unknown, dice: Dice): unknown {
  const odd = () => ODD_VALUES[dice(ODD_VALUES.length)];
  if (typeof value !== 'object' || value === null || dice(6) === 0) return odd();
  if (Array.isArray(value)) {
    const at = dice(value.length + 1);
    return at === value.length ? [...value, odd()] : value.with(at, bent(value[at], dice));
  }
  const keys = Object.keys(value);
  const key = keys[dice(keys.length)];
  if (key === undefined || dice(8) === 0) return { ...value, [`odd${dice(3)}`]: odd() };
  if (dice(8) === 0) return Object.fromEntries(Object.entries(value).filter(([name]) => name !== key));
  return { ...value, [key]: bent((value as Record<string, unknown>)[key], dice) };
}

/** To be pasted; the token is that of whoever tries it. */
export function asCurl({ method, path, headers, body }: FuzzRequest): string {
  const quoted = (text: string) => `'${text.replaceAll("'", String.raw`'\''`)}'`;
  const parts = [
    `curl -k -X ${method}`,
    ...Object.entries(headers).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
  ];
  const given =
    typeof body === 'string'
      ? [`--data-binary ${quoted(body)}`]
      : body
        ? [`--data-binary @<(echo ${Buffer.from(body).toString('base64')} | base64 -d)`]
        : [];
  return [...parts, ...given, quoted(`$SERVER${path}`)].join(' ');
}
