/** The few nft commands that are needed, as JSON (`libnftables-json(5)`), each harmless when repeated. */

export type Family = 'bridge' | 'inet';
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** What `nft -j -f -` takes: all of it happens, or nothing. */
export interface Transaction {
  nftables: Json[];
}

/** Name of our table in each family; other tables are never touched. */
export const tableName = 'purlin';

/** A base chain is called by the kernel; any other only by a jump. */
export interface Hook {
  type: 'filter' | 'nat';
  hook: 'prerouting' | 'input' | 'forward' | 'postrouting';
  prio: number;
}

/** One table's vocabulary of commands. */
export function table(family: Family) {
  const at = { family, table: tableName };
  const element = (map: string, link: string, chain: string): Json => ({
    element: { ...at, name: map, elem: [[link, { jump: { target: chain } }]] },
  });
  return {
    create: (): Json => ({ add: { table: { family, name: tableName } } }),
    map: (name: string): Json => ({ add: { map: { ...at, name, type: 'ifname', map: 'verdict' } } }),
    /** An empty base chain, whatever was in it. */
    base: (name: string, hook: Hook): Json[] => [
      { add: { chain: { ...at, name, ...hook, policy: 'accept' } } },
      { flush: { chain: { ...at, name } } },
    ],
    /** An empty chain, whatever was in it. */
    chain: (name: string): Json[] => [
      { add: { chain: { ...at, name } } },
      { flush: { chain: { ...at, name } } },
    ],
    rules: (chain: string, comment: string, expressions: Json[][]): Json[] =>
      expressions.map((expr) => ({ add: { rule: { ...at, chain, comment, expr } } })),
    dispatch: (map: string, link: string, chain: string): Json => ({ add: element(map, link, chain) }),
    /** Removal that does not mind absence: nft refuses to delete what is not there. */
    withdraw: (map: string, link: string, chain: string): Json[] => [
      { add: { chain: { ...at, name: chain } } },
      { add: element(map, link, chain) },
      { delete: element(map, link, chain) },
    ],
    remove: (chain: string): Json[] => [
      { add: { chain: { ...at, name: chain } } },
      { delete: { chain: { ...at, name: chain } } },
    ],
  };
}
