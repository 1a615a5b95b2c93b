/** The names that a ResourceQuota counts objects by: pkg/quota/v1 of Kubernetes. */
import { Quantity } from '../../../cel/quantity.ts';
import type { Registry } from '../../registry.ts';
import type { Resource } from '../../resource.ts';

type GroupPlural = Pick<Resource, 'group' | 'plural'>;

/** What is counted without `count/` too, as it was at first. */
const LEGACY = new Set(['configmaps', 'resourcequotas', 'secrets']);

/** Other names that a quota may hold although there is nothing here that uses any of it. */
const UNUSED = new Set([
  'cpu',
  'memory',
  'ephemeral-storage',
  'requests.cpu',
  'requests.memory',
  'requests.storage',
  'requests.ephemeral-storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
  'pods',
  'services',
  'replicationcontrollers',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
]);

/** Names of quantities that may be no integer. */
export const isIntegerName = (name: string): boolean =>
  !/(^|\.)(cpu|memory|storage|ephemeral-storage)$/.test(name) && !name.startsWith('hugepages-');

export const isStandardName = (name: string): boolean =>
  LEGACY.has(name) ||
  UNUSED.has(name) ||
  name.startsWith('requests.hugepages-') ||
  name.startsWith('hugepages-');

/** Events, which never were: in either form they go as they come. The same as in Kubernetes. */
const isUncounted = ({ group, plural }: GroupPlural): boolean =>
  plural === 'events' && (group === '' || group === 'events.k8s.io');

/** By which names an object of the resource is counted; none if it is not. */
export function namesOf({ group, plural }: GroupPlural): string[] {
  if (isUncounted({ group, plural })) return [];
  if (group !== '') return [`count/${plural}.${group}`];
  return LEGACY.has(plural) ? [`count/${plural}`, plural] : [`count/${plural}`];
}

/**
 * What a name counts; 'nothing' for a standard one of which there can be no use here, undefined for an unknown
 * one, and for what is not counted.
 */
export function countedBy(name: string, registry: Registry): GroupPlural | 'nothing' | undefined {
  if (UNUSED.has(name)) return 'nothing';
  const counted = name.startsWith('count/') ? name.slice('count/'.length) : name;
  if (counted === name && !LEGACY.has(name)) return undefined;
  const dot = counted.indexOf('.');
  const [plural, group] = dot < 0 ? [counted, ''] : [counted.slice(0, dot), counted.slice(dot + 1)];
  if (isUncounted({ group, plural })) return undefined;
  return registry.all().find((one) => one.group === group && one.plural === plural && one.namespaced);
}

const SUFFIXES = ['', 'k', 'M', 'G', 'T', 'P', 'E'];

/** An integer as Kubernetes writes a quantity: `1000` is `1k`. */
export function integerQuantity(amount: bigint): string {
  let [rest, steps] = [amount, 0];
  while (rest !== 0n && rest % 1000n === 0n && steps < SUFFIXES.length - 1)
    [rest, steps] = [rest / 1000n, steps + 1];
  return `${rest}${SUFFIXES[steps]}`;
}

/** A quantity as Kubernetes would write it, or as it was given if it is none or has another form than a plain number. */
export function canonicalQuantity(given: unknown): unknown {
  if (typeof given !== 'string' && typeof given !== 'number') return given;
  const text = String(given);
  const parsed = Quantity.parse(text);
  if (!parsed || !/^[+-]?[\d.]+[kMGTPE]?$/.test(text) || !parsed.isInteger) return text;
  return integerQuantity(parsed.asInteger());
}
