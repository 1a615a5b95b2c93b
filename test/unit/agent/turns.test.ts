import { describe, expect, test } from '@jest/globals';
import { Turns } from '../../../src/agent/turns.ts';
import { LibvirtTimeout, LibvirtUnavailable } from '../../../src/host/libvirt/rpc/error.ts';
import { settled } from '../../../src/simulation/scheduler.ts';
import { HandClock } from '../../support/hand-clock.ts';

/** A hypervisor that is busy with the domains that it is told to be busy with. */
function make() {
  const busy = new Set<string>();
  const asked: string[] = [];
  const clock = new HandClock();
  const settle = async (uid: string): Promise<void> => {
    asked.push(uid);
    if (busy.has(uid)) throw new Error(`busy with ${uid}`);
  };
  return { busy, asked, clock, turns: new Turns({ hypervisor: { settle }, clock }) };
}

describe('the turn of an order', () => {
  test('of a domain comes when the hypervisor has nothing in hand of it, which is asked once', async () => {
    const { turns, asked } = make();
    expect(turns.isAfterAllBefore('machine.start', 'a')).toBe(false);
    await turns.awaitTurn('machine.define', 'a');
    await turns.awaitTurn('machine.start', 'a');
    await turns.awaitTurn('machine.start', 'b');
    expect(turns.isAfterAllBefore('machine.start', 'a')).toBe(true);
    expect(asked).toEqual(['a', 'b']);
  });

  test('does not come while it is busy', async () => {
    const { turns, busy } = make();
    busy.add('a');
    await expect(turns.awaitTurn('machine.start', 'a')).rejects.toThrow('busy with a');
    busy.clear();
    await turns.awaitTurn('machine.start', 'a');
  });

  test.each(['machine.requestShutdown', 'machine.withdrawShutdown', 'machine.powerOff'] as const)(
    'of %s comes at once, and proves nothing',
    async (name) => {
      const { turns, asked } = make();
      await turns.awaitTurn(name, 'a');
      expect([asked, turns.isAfterAllBefore(name, 'a')]).toEqual([[], false]);
    },
  );

  test.each(['disk.delete', 'subnet.realise', 'image.import'] as const)('of %s is always', async (name) => {
    const { turns, asked } = make();
    await turns.awaitTurn(name, 'a');
    expect([asked, turns.isAfterAllBefore(name, 'a')]).toEqual([[], true]);
  });

  test.each([
    ['a call without an answer', new LibvirtTimeout('late'), false],
    ['a connection that broke', new LibvirtUnavailable('gone'), false],
    ['an answer', new Error('no'), true],
  ])('is in doubt again after %s: %p', async (_, error, isAfterAll) => {
    const { turns } = make();
    await turns.awaitTurn('machine.start', 'a');
    turns.noteFailure('machine.start', 'a', error);
    expect(turns.isAfterAllBefore('machine.start', 'a')).toBe(isAfterAll);
  });

  test('of a domain that was deleted is forgotten', async () => {
    const { turns } = make();
    await turns.awaitTurn('machine.delete', 'a');
    turns.forget('a');
    expect(turns.isAfterAllBefore('machine.delete', 'a')).toBe(false);
  });
});

describe('who waits for a domain', () => {
  test('hears of it once the hypervisor is not busy with it any more', async () => {
    const { turns, busy, clock } = make();
    const heard: string[] = [];
    busy.add('a');
    for (const who of ['first', 'second']) turns.whenSettled('a', () => heard.push(who));
    turns.whenSettled('b', () => heard.push('other'));
    await clock.pass(20_000);
    expect(heard).toEqual(['other']);
    busy.clear();
    await clock.pass(5_000);
    expect([heard, clock.waiting]).toEqual([['other', 'first', 'second'], 0]);
  });

  test('is not told of a look that began before', async () => {
    const { turns, asked } = make();
    const heard: string[] = [];
    turns.whenSettled('a', () => heard.push('first'));
    turns.whenSettled('a', () => heard.push('second'));
    expect(asked).toEqual(['a']);
    await settled();
    expect([heard, asked]).toEqual([
      ['first', 'second'],
      ['a', 'a'],
    ]);
  });

  test('hears nothing when the agent is closed', async () => {
    const { turns, busy, clock } = make();
    busy.add('a');
    turns.whenSettled('a', () => {});
    await settled();
    turns.close();
    expect(clock.waiting).toBe(0);
  });
});
