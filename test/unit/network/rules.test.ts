import { describe, expect, test } from '@jest/globals';
import type { Transaction } from '../../../src/host/network/nft-table.ts';
import { portRemoval, portRules, segmentRemoval, segmentRules } from '../../../src/host/network/rules.ts';
import { ListedTable, portFingerprint } from '../../../src/host/network/rules-listing.ts';
import { port, segment } from './samples.ts';

interface Command {
  [verb: string]: {
    [object: string]: { table?: string; name?: string; chain?: string; comment?: string; expr?: unknown[] };
  };
}
const commands = ({ nftables }: Transaction) => nftables as unknown as Command[];
const rulesOf = (transaction: Transaction) => commands(transaction).flatMap(({ add }) => add?.['rule'] ?? []);
const chain = (transaction: Transaction, suffix: string) =>
  rulesOf(transaction)
    .filter((rule) => rule.chain?.endsWith(suffix))
    .map(({ expr }) => JSON.stringify(expr));
const drops = '[{"drop":null}]';

test.each([
  ['a segment', segmentRules(segment)],
  ['its removal', segmentRemoval(segment.subnetUid)],
  ['a port', portRules(port)],
  ['its removal', portRemoval(port)],
])('%s touches no table but ours', (_what, transaction) => {
  for (const command of commands(transaction))
    for (const objects of Object.values(command))
      for (const [object, { table, name }] of Object.entries(objects))
        expect(object === 'table' ? name : table).toBe('purlin');
});

test('every rule says whose it is, in the 128 bytes that nft allows', () => {
  const longest = { ...port, interfaceName: 'a'.repeat(63) };
  for (const { comment } of [...rulesOf(segmentRules(segment)), ...rulesOf(portRules(longest))]) {
    expect(comment).toMatch(/^purlin(:subnet:aaaaaaaa-.*|:port:bbbbbbbb-.*)?$/);
    expect(comment?.length).toBeLessThan(128);
  }
});

describe('what ends each chain of a Subnet', () => {
  test.each(['NAT', 'Routed', 'None'] as const)('with %s: to the host nothing more', (egress) => {
    expect(chain(segmentRules({ ...segment, egress }), '_to_host').at(-1)).toBe(drops);
  });

  test('without egress nothing leaves, nothing enters, and DNS is closed', () => {
    const isolated = segmentRules({ ...segment, egress: 'None' });
    expect(chain(isolated, '_leaving').slice(1)).toEqual([drops]);
    expect(chain(isolated, '_entering').slice(1)).toEqual([drops]);
    expect(chain(isolated, '_to_host').join()).not.toContain('53');
    expect(chain(isolated, '_masquerade')).toEqual([]);
  });

  test('only NAT masquerades', () => {
    expect(chain(segmentRules(segment), '_masquerade')).toHaveLength(1);
    expect(chain(segmentRules({ ...segment, egress: 'Routed' }), '_masquerade')).toEqual([]);
  });
});

test('a port drops whatever it does not accept by name', () => {
  const [first, ...rest] = chain(portRules(port), '');
  expect(first).toContain('@ports');
  expect(rest.at(-1)).toBe(drops);
});

describe('the fingerprint of a port', () => {
  const listing = (
    change: (rules: Record<string, unknown>[]) => Record<string, unknown>[] = (rules) => rules,
  ) => {
    const chains = commands(portRules(port)).flatMap(({ add }) => add?.['chain'] ?? []);
    const rules = rulesOf(portRules(port)).map((rule, index) => ({ ...rule, handle: index }));
    const nftables = [
      ...chains.map((listed, handle) => ({ chain: { ...listed, handle } })),
      ...change(rules).map((rule) => ({ rule })),
    ];
    return new ListedTable('bridge', JSON.stringify({ nftables }));
  };
  const wanted = portFingerprint(listing(), port);

  test('does not depend on handles', () => {
    const renumbered = listing((rules) => rules.map((rule) => ({ ...rule, handle: 99 })));
    expect(portFingerprint(renumbered, port)).toBe(wanted);
  });

  test.each(rulesOf(portRules(port)).map((_rule, index) => index))(
    'changes when rule %d is lost',
    (index) => {
      const less = listing((rules) => rules.toSpliced(index, 1));
      expect(portFingerprint(less, port)).not.toBe(wanted);
    },
  );

  test('is none without a table', () => {
    expect(portFingerprint(new ListedTable('bridge', undefined), port)).toBeUndefined();
  });
});
