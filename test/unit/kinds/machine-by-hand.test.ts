/** Definitions and disks that somebody changed past Purlin. */
import { describe, expect, test } from '@jest/globals';
import type { MachineInput } from '../../../src/kinds/machine/input.ts';
import { planMachine } from '../../../src/kinds/machine/plan.ts';
import type { DomainHardware, DomainSnapshot } from '../../../src/plan/snapshot.ts';
import { domainOf, host, machine, sentence } from './builders.ts';
import { heldBy, machineInput, withDisk, withDomain, withInterface } from './machine-builders.ts';

const plan = (input: MachineInput): string => sentence(planMachine(input));
const off = { power: 'shutoff', stopCause: 'unknown' } as const;

describe('a definition that was edited by hand', () => {
  const web = machine();
  const input = machineInput(withInterface(web, { held: heldBy(web) }));
  const { config } = domainOf(input);
  const edited = (changes: Partial<DomainHardware>, more: Partial<DomainSnapshot> = {}): string =>
    plan(withDomain(input, { ...(config && { config: { ...config, ...changes } }), ...more }));

  test.each<[string, Partial<DomainHardware>, string]>([
    ['fewer CPUs', { cpus: 0 }, 'spec.cpus'],
    ['more memory', { memoryBytes: 257 * 2 ** 20 }, 'spec.memory'],
    ['a Disk that is not its own', { disks: [{ target: 'vda', diskUid: 'of another' }] }, 'spec.disks'],
    ['no network card', { interfaces: [] }, 'spec.interfaces'],
  ])('%s: defined anew, before a start brings that', (_what, changes, field) => {
    const because = `(DefinitionEdited, drift): the domain's definition was edited by hand and does not have ${field} as it should`;
    expect(edited(changes)).toBe(`machine.reconfigure on h1 ${because}`);
    expect(edited(changes, off)).toBe(`machine.define on h1 ${because}`);
  });

  test('is not what libvirt rounds, nor what somebody else plugged in', () => {
    const settled = plan(withDomain(input));
    const rounded = { memoryBytes: (config?.memoryBytes ?? 0) + 65_536 };
    expect(edited(rounded)).toBe(settled);
    expect(edited({ disks: [...(config?.disks ?? []), { target: 'sda' }] })).toBe(settled);
  });
});

describe('a disk that goes on in another file than Purlin made', () => {
  const on = (
    changes: Partial<MachineInput>,
    domain: Parameters<typeof withDomain>[1] = {},
  ): MachineInput => {
    const input = withDomain({ ...withDisk(changes.machine ?? machine('web')), ...changes }, domain);
    const { uid } = input.machine.metadata;
    const seen = domainOf(input, domain);
    const away = (hardware: typeof seen.live) =>
      hardware && {
        ...hardware,
        disks: hardware.disks.map((each) => ({ ...each, redirectedTo: '/backup' })),
      };
    const { live, config } = seen;
    const redirected = {
      ...seen,
      ...(live && { live: away(live) }),
      ...(config && { config: away(config) }),
    };
    return { ...input, hosts: [host({ domains: { [uid]: redirected as typeof seen } })] };
  };
  const { uid } = machine('web').metadata;
  const told = `blocked (DiskRedirected): disk vda of the guest is /backup and not the file that Purlin made, by a snapshot or a block copy; bring it back while the guest runs, after a snapshot with: virsh blockcommit ${uid} vda --active --pivot`;
  const halted = withDisk(machine('web', { spec: { runStrategy: 'Halted' } }));
  const older = { definitionHash: 'older' };

  test.each<[string, MachineInput, string]>([
    ['running and as the spec says: nothing to do', on({}), 'settled'],
    [
      'off and as the spec says: it starts',
      on({}, off),
      'machine.start on h1 (Starting): runStrategy is Always',
    ],
    ['another definition is due, but would bring back the old file', on({}, older), told],
    ['the same of one that is off', on({}, { ...off, ...older }), told],
    ['somebody undefined the running guest', on({}, { persistent: false }), told],
    [
      'the running guest lacks a CPU',
      on(
        {},
        { live: { cpus: 0, maxCpus: 4, memoryBytes: 2 ** 30, disks: [{ target: 'vda' }], interfaces: [] } },
      ),
      told,
    ],
    [
      'a stop does not wait for the definition',
      on(halted, older),
      'machine.requestShutdown on h1 (ShuttingDown): runStrategy is Halted',
    ],
    [
      'nor does a pause that nobody asked for',
      on({}, { ...older, power: 'paused' }),
      'machine.start on h1 (GuestPaused, drift): the guest was found paused; runStrategy is Always',
    ],
  ])('%s', (_name, input, expected) => {
    expect(plan(input)).toBe(expected);
  });
});
