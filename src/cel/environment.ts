/** The CEL environment of Kubernetes: the standard language plus its function libraries. */
import { Environment } from '@marcbachmann/cel-js';
import { Cidr, IpAddress } from './ip.ts';
import { registerFormats } from './format.ts';
import { hasField } from './has.ts';
import { Quantity } from './quantity.ts';
import { compileRe2 } from './regex.ts';
import { strings } from './strings.ts';

/** Names that the base library owns or cannot declare, spelled so that ours can be registered. */
const RENAMED: [RegExp, string][] = [
  [/\.matches$/, '.matchesRe2'],
  [/^has$/, 'hasField'],
  [/\b(sets|ip)\.(\w+)$/, '$1_$2'],
];
/** The new names that are longer than the old ones, and by how much. */
const GROWN: [RegExp, number][] = [
  [/\.matchesRe2(?=\s*\()/g, '.matchesRe2'.length - '.matches'.length],
  [/\bhasField(?=\s*\()/g, 'hasField'.length - 'has'.length],
];

/** A rule with those names replaced, wherever they are called outside of string literals. */
export function withLibraryNames(expression: string): string {
  return expression.replace(
    /("""[^]*?"""|'''[^]*?'''|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(\.matches|(?<![.\w])has|\bsets\.\w+|\bip\.isCanonical)(?=\s*\()/g,
    (_, literal: string | undefined, call: string) =>
      literal ?? RENAMED.reduce((name, [pattern, replacement]) => name.replace(pattern, replacement), call),
  );
}

/** A place in a rule whose names were replaced, as a place in the rule as it was written. */
export const asWritten = (renamed: string, position: number): number =>
  GROWN.reduce(
    (place, [name, growth]) => place - growth * (renamed.slice(0, position).match(name)?.length ?? 0),
    position,
  );

type Handler = (...values: never[]) => unknown;

/** Without variables yet. */
export function kubernetesEnvironment(): Environment {
  const environment = new Environment({
    enableOptionalTypes: true,
    homogeneousAggregateLiterals: false,
    unlistedVariablesAreDyn: false,
  });
  environment.registerType('Quantity', { ctor: Quantity, fields: {} });
  environment.registerType('IP', { ctor: IpAddress, fields: {} });
  environment.registerType('CIDR', { ctor: Cidr, fields: {} });
  environment.registerType('URL', { ctor: URL, fields: {} });
  registerFormats(environment);
  environment.registerFunction('hasField(ast): bool', hasField as never);
  for (const library of [quantities, addresses, urls, patterns, strings, lists, sets]) {
    for (const [signature, handler] of Object.entries(library)) {
      environment.registerFunction(signature, handler as (...values: unknown[]) => unknown);
    }
  }
  // An optional is never null, not even an empty one.
  environment.registerOperator('optional == null', () => false);
  environment.registerOperator('Quantity == Quantity', (a: Quantity, b: Quantity) => a.nanos === b.nanos);
  environment.registerOperator('IP == IP', (a: IpAddress, b: IpAddress) => a.equals(b));
  environment.registerOperator('CIDR == CIDR', (a: Cidr, b: Cidr) => a.equals(b));
  environment.registerOperator('URL == URL', (a: URL, b: URL) => a.href === b.href);
  return environment;
}

function must<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new TypeError(what);
  return value;
}

const quantity = (text: string) => must(Quantity.parse(text), `${JSON.stringify(text)} is not a quantity`);

/** A quantity, or a plain integer where a function takes both. */
const amount = (value: Quantity | bigint): Quantity =>
  typeof value === 'bigint' ? must(Quantity.parse(String(value)), 'not a quantity') : value;

const quantities: Record<string, Handler> = {
  'isQuantity(string): bool': (text: string) => Quantity.parse(text) !== undefined,
  'quantity(string): Quantity': quantity,
  'Quantity.compareTo(Quantity): int': (a: Quantity, b: Quantity) => a.compareTo(b),
  'Quantity.isGreaterThan(Quantity): bool': (a: Quantity, b: Quantity) => a.nanos > b.nanos,
  'Quantity.isLessThan(Quantity): bool': (a: Quantity, b: Quantity) => a.nanos < b.nanos,
  'Quantity.isInteger(): bool': (a: Quantity) => a.isInteger,
  'Quantity.asInteger(): int': (a: Quantity) => a.asInteger(),
  'Quantity.asApproximateFloat(): double': (a: Quantity) => a.asApproximateFloat(),
  'Quantity.sign(): int': (a: Quantity) => a.sign(),
  'Quantity.add(Quantity): Quantity': (a: Quantity, b: Quantity) => new Quantity(a.nanos + b.nanos),
  'Quantity.add(int): Quantity': (a: Quantity, b: bigint) => new Quantity(a.nanos + amount(b).nanos),
  'Quantity.sub(Quantity): Quantity': (a: Quantity, b: Quantity) => new Quantity(a.nanos - b.nanos),
  'Quantity.sub(int): Quantity': (a: Quantity, b: bigint) => new Quantity(a.nanos - amount(b).nanos),
};

const ip = (text: string) => must(IpAddress.parse(text), `${JSON.stringify(text)} is not an IP address`);
const cidr = (text: string) => must(Cidr.parse(text), `${JSON.stringify(text)} is not a CIDR`);

const addresses: Record<string, Handler> = {
  'isIP(string): bool': (text: string) => IpAddress.parse(text) !== undefined,
  'ip(string): IP': ip,
  'ip_isCanonical(string): bool': (text: string) => ip(text).toString() === text,
  'string(IP): string': (a: IpAddress) => a.toString(),
  'IP.family(): int': (a: IpAddress) => BigInt(a.family),
  'IP.isUnspecified(): bool': (a: IpAddress) => a.isUnspecified(),
  'IP.isLoopback(): bool': (a: IpAddress) => a.isLoopback(),
  'IP.isLinkLocalUnicast(): bool': (a: IpAddress) => a.isLinkLocalUnicast(),
  'IP.isLinkLocalMulticast(): bool': (a: IpAddress) => a.isLinkLocalMulticast(),
  'IP.isGlobalUnicast(): bool': (a: IpAddress) => a.isGlobalUnicast(),
  'isCIDR(string): bool': (text: string) => Cidr.parse(text) !== undefined,
  'cidr(string): CIDR': cidr,
  'string(CIDR): string': (a: Cidr) => a.toString(),
  'CIDR.containsIP(string): bool': (a: Cidr, b: string) => a.contains(ip(b)),
  'CIDR.containsIP(IP): bool': (a: Cidr, b: IpAddress) => a.contains(b),
  'CIDR.containsCIDR(string): bool': (a: Cidr, b: string) => a.containsCidr(cidr(b)),
  'CIDR.containsCIDR(CIDR): bool': (a: Cidr, b: Cidr) => a.containsCidr(b),
  'CIDR.ip(): IP': (a: Cidr) => a.address,
  'CIDR.masked(): CIDR': (a: Cidr) => a.masked(),
  'CIDR.prefixLength(): int': (a: Cidr) => BigInt(a.prefixLength),
};

/** Absolute URLs and absolute paths, as Go's url.ParseRequestURI takes them. */
const parseUrl = (text: string): URL | undefined =>
  URL.parse(text) ?? (text.startsWith('/') ? (URL.parse(text, 'path://') ?? undefined) : undefined);

const urls: Record<string, Handler> = {
  'isURL(string): bool': (text: string) => parseUrl(text) !== undefined,
  'url(string): URL': (text: string) => must(parseUrl(text), `${JSON.stringify(text)} is not a URL`),
  'URL.getScheme(): string': (url: URL) => url.protocol.replace(/:$/, '').replace(/^path$/, ''),
  'URL.getHost(): string': (url: URL) => url.host,
  'URL.getHostname(): string': (url: URL) => url.hostname.replace(/^\[|\]$/g, ''),
  'URL.getPort(): string': (url: URL) => url.port,
  'URL.getEscapedPath(): string': (url: URL) => url.pathname,
  'URL.getQuery(): map': (url: URL) => {
    const query = new Map<string, string[]>();
    for (const [name, value] of url.searchParams) query.set(name, [...(query.get(name) ?? []), value]);
    return query;
  },
};

const patterns: Record<string, Handler> = {
  'string.matchesRe2(string): bool': (text: string, pattern: string) => compileRe2(pattern).test(text),
  'string.find(string): string': (text: string, pattern: string) => findAll(text, pattern)[0] ?? '',
  'string.findAll(string): list<string>': (text: string, pattern: string) => findAll(text, pattern),
  'string.findAll(string, int): list<string>': (text: string, pattern: string, limit: bigint) =>
    limit < 0n ? findAll(text, pattern) : findAll(text, pattern).slice(0, Number(limit)),
};

function findAll(text: string, pattern: string): string[] {
  return Array.from(compileRe2(pattern).matchAll(text), ([found]) => found);
}

type Ordered = bigint | number | string | boolean | Date;

const before = (a: Ordered, b: Ordered): boolean => a < b;

const lists: Record<string, Handler> = {
  'list.isSorted(): bool': (list: Ordered[]) =>
    list.every((item, i) => i === 0 || !before(item, list[i - 1] ?? item)),
  'list.sum(): dyn': (list: (bigint | number)[]) =>
    typeof list[0] === 'number'
      ? (list as number[]).reduce((sum, item) => sum + item, 0)
      : (list as bigint[]).reduce((sum, item) => sum + item, 0n),
  'list.min(): dyn': (list: Ordered[]) => extreme(list, before),
  'list.max(): dyn': (list: Ordered[]) => extreme(list, (a, b) => before(b, a)),
  'list.indexOf(dyn): int': (list: unknown[], item: unknown) =>
    BigInt(list.findIndex((one) => same(one, item))),
  'list.lastIndexOf(dyn): int': (list: unknown[], item: unknown) =>
    BigInt(list.findLastIndex((one) => same(one, item))),
};

function extreme(list: Ordered[], better: (a: Ordered, b: Ordered) => boolean): Ordered {
  const [first, ...rest] = list;
  return rest.reduce(
    (best, item) => (better(item, best) ? item : best),
    must(first, 'min and max need an item'),
  );
}

const sets: Record<string, Handler> = {
  'sets_contains(list, list): bool': (set: unknown[], sub: unknown[]) => isSubset(sub, set),
  'sets_equivalent(list, list): bool': (a: unknown[], b: unknown[]) => isSubset(a, b) && isSubset(b, a),
  'sets_intersects(list, list): bool': (a: unknown[], b: unknown[]) =>
    a.some((one) => b.some((two) => same(one, two))),
};

const isSubset = (sub: unknown[], set: unknown[]): boolean =>
  sub.every((item) => set.some((one) => same(one, item)));

function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const keys = Object.keys(a);
  return (
    Array.isArray(a) === Array.isArray(b) &&
    keys.length === Object.keys(b).length &&
    keys.every((key) => same((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]))
  );
}
