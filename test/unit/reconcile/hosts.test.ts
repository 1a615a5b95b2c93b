import { expect, test } from '@jest/globals';
import type { HostView } from '../../../src/plan/kind.ts';
import type { Mirror } from '../../../src/queue/observation-mirror.ts';
import { Hosts } from '../../../src/reconcile/hosts.ts';
import { host } from '../kinds/builders.ts';

/** Names of hosts whose agents have told something, and whether they live. */
const views = (seen: Record<string, boolean>, registered: string[]): HostView[] => {
  const snapshotOf = (hostName: string) => {
    const { snapshot } = host({ hostName, epoch: 3 });
    return snapshot === 'unknown' ? undefined : snapshot;
  };
  const mirror: Mirror = {
    get: (hostName) => (seen[hostName] ? (snapshotOf(hostName) ?? 'unknown') : 'unknown'),
    hosts: () =>
      Object.entries(seen).map(([hostName, alive]) => ({ hostName, agentUid: `of-${hostName}`, alive })),
    onChange: () => () => undefined,
  };
  return new Hosts(mirror, () => 3).views(registered);
};

const described = (all: HostView[]): string[] =>
  all.map(
    ({ name, registered, alive, snapshot }) =>
      `${name}${registered ? '' : ' unregistered'}${alive ? '' : ' silent'}${snapshot === 'unknown' ? ' unknown' : ''}`,
  );

test.each<[string, Record<string, boolean>, string[], string[]]>([
  ['one that lives and has a Host', { h1: true }, ['h1'], ['h1']],
  ['one that lives and has none yet', { h1: true }, [], ['h1 unregistered']],
  ['a silent one is unknown', { h1: false }, ['h1'], ['h1 silent unknown']],
  ['so is one that nothing was heard of, since Redis was lost', {}, ['h1'], ['h1 silent unknown']],
  ['a silent one without a Host is gone', { h1: false, h2: true }, ['h2'], ['h2']],
])('%s', (_name, seen, registered, expected) => {
  expect(described(views(seen, registered))).toEqual(expected);
});

test.each([
  ['one that has told everything', { epoch: 3, earlierOrdersEnded: true }, 'seen'],
  ['one where an order of an earlier leader has not ended', { epoch: 3, earlierOrdersEnded: false }, 'busy'],
  ['one that obeys an earlier leader', { epoch: 2, earlierOrdersEnded: true }, 'unseen'],
  ['one of which not every part could be listed', { epoch: 3, complete: false }, 'unseen'],
])('%s', (_name, told, sight) => {
  const { snapshot } = host({ hostName: 'h1', ...told });
  const mirror: Mirror = { get: () => snapshot, hosts: () => [], onChange: () => () => undefined };
  expect(new Hosts(mirror, () => 3).sightOf('h1')).toBe(sight);
});
