/** Reads `nft -j list table` and answers which owner's rules stand, and whether they are those that we made. */
import { contentHash } from '../../values/hash.ts';
import { bridgeName, tapName } from '../../values/links.ts';
import { type Family, tableName } from './nft-table.ts';
import { fixedChains } from './rules.ts';

interface ListedChain {
  definition: Record<string, unknown>;
  rules: unknown[];
}

/** One family's table as listed; empty when there is none. */
export class ListedTable {
  readonly #family: Family;
  readonly #chains = new Map<string, ListedChain>();
  readonly #dispatches: { map: string; link: string; verdict: unknown }[] = [];
  readonly #comments = new Set<string>();

  constructor(family: Family, output: string | undefined) {
    this.#family = family;
    if (output === undefined) return;
    const { nftables } = JSON.parse(output) as { nftables: Record<string, Record<string, unknown>>[] };
    for (const { chain, rule, map } of nftables) {
      if (chain) this.#chainOf(String(chain['name'])).definition = withoutHandle(chain);
      if (rule) {
        this.#chainOf(String(rule['chain'])).rules.push(withoutHandle(rule));
        if (typeof rule['comment'] === 'string') this.#comments.add(rule['comment']);
      }
      if (map && Array.isArray(map['elem'])) {
        for (const [link, verdict] of map['elem'] as [unknown, unknown][])
          this.#dispatches.push({ map: String(map['name']), link: String(link), verdict });
      }
    }
  }

  /** Comments on rules: they carry the UIDs of the owners. */
  get comments(): ReadonlySet<string> {
    return this.#comments;
  }

  /** Whether any Subnet or port has a chain here. */
  get owned(): boolean {
    const fixed: readonly string[] = fixedChains[this.#family];
    return [...this.#chains.keys()].some((name) => !fixed.includes(name));
  }

  /**
   * Hash of everything that decides over packets of `link`: the fixed chains, the entries that lead to the link's own
   * chains, and these (their names begin with the link's). Undefined when the link has no chain.
   */
  fingerprint(link: string): string | undefined {
    const own = [...this.#chains].filter(([name]) => name === link || name.startsWith(`${link}_`));
    if (own.length === 0) return undefined;
    const fixed = fixedChains[this.#family].map((name) => [name, this.#chains.get(name)]);
    const dispatches = this.#dispatches.filter((entry) => entry.link === link);
    return contentHash({ table: tableName, fixed, dispatches: sorted(dispatches), own: sorted(own) });
  }

  #chainOf(name: string): ListedChain {
    const chain = this.#chains.get(name) ?? { definition: {}, rules: [] };
    this.#chains.set(name, chain);
    return chain;
  }
}

/** Hash over both tables' parts of a Subnet. */
export const segmentFingerprint = (inet: ListedTable, subnetUid: string): string | undefined =>
  inet.fingerprint(bridgeName(subnetUid));

export const portFingerprint = (
  bridge: ListedTable,
  { machineUid, interfaceName }: { machineUid: string; interfaceName: string },
): string | undefined => bridge.fingerprint(tapName(machineUid, interfaceName));

/** Handles are the kernel's count of changes, not a part of what a rule says. */
const withoutHandle = ({ handle: _handle, ...rest }: Record<string, unknown>) => rest;

const sorted = (values: readonly unknown[]): unknown[] =>
  values
    .map((value) => [contentHash(value), value] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, value]) => value);
