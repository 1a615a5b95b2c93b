/** How the guest of a Machine is joined to its Subnets, while it runs and after. */
import { describe, expect, test } from '@jest/globals';
import type { MachineInput } from '../../../src/kinds/machine/input.ts';
import { planMachine } from '../../../src/kinds/machine/plan.ts';
import type { DomainInterface, PortSnapshot } from '../../../src/plan/snapshot.ts';
import type { Machine } from '../../../src/resources/kinds.ts';
import { tapName } from '../../../src/values/links.ts';
import { domainOf, host, machine, port, sentence } from './builders.ts';
import { heldBy, machineInput, withDomain, withInterface } from './machine-builders.ts';

const plan = (input: MachineInput): string => sentence(planMachine(input));
const spec = (changes: Partial<Machine['spec']>): Machine => machine('web', { spec: changes });
const off = { power: 'shutoff', stopCause: 'unknown' } as const;

describe('connections of a running guest', () => {
  const web = machine();
  const held = heldBy(web);
  const connected = withInterface(web, { held });
  const tap = tapName('uid-of-web', 'eth0');
  const joined = port({ macAddress: held.spec.macAddress, address: held.spec.address });
  const given = (
    changes: Partial<PortSnapshot> | 'gone',
    card: Partial<DomainInterface> = {},
  ): MachineInput => {
    const input = machineInput(connected);
    const domain = domainOf(input);
    const live = domain.live && {
      ...domain.live,
      interfaces: [{ tap, macAddress: held.spec.macAddress, ...card }],
    };
    return {
      ...input,
      hosts: [
        host({
          domains: { 'uid-of-web': { ...domain, ...(live && { live }) } },
          ports: changes === 'gone' ? {} : { [tap]: { ...joined, ...changes } },
        }),
      ],
    };
  };

  test('whole', () => {
    expect(plan(given({}))).toBe('settled');
  });

  test.each<[string, Parameters<typeof given>[0]]>([
    ['the tap is gone', 'gone'],
    ['the tap is down', { state: 'down' }],
    ['the tap left the bridge', { attached: false }],
    ['the rules are gone', { rules: 'absent' }],
    ['the rules are for another address', { address: '10.20.0.99' }],
    ['the rules are for another MAC', { macAddress: '02:ff:ff:ff:ff:ff' }],
  ])('%s: connected again', (_name, changes) => {
    expect(plan(given(changes))).toBe(
      'machine.connect on h1 (PortBroken, drift): interface eth0 is not connected as it should be',
    );
  });

  test('a guest that does not hold its tap is connected again, unless an operator took its link down', () => {
    expect(plan(given({}, { unplugged: true }))).toBe(
      'machine.connect on h1 (PortBroken, drift): interface eth0 is not connected as it should be',
    );
    const told = `wait (LinkDown): the link of ${held.spec.macAddress} was set down by hand; virsh domif-setlink uid-of-web ${held.spec.macAddress} up sets it up again`;
    expect(plan(given({}, { link: 'down' }))).toBe(told);
    expect(plan(given({}, { link: 'down', unplugged: true }))).toBe(told);
  });

  test('a restart that waits for user data is told before what only it can mend, and after what can be mended without it', () => {
    const input = given({}, { unplugged: true });
    const without = { ...input, userData: { problem: 'Secret boot does not exist' } };
    expect(plan(without)).toMatch(/^machine\.connect/);
    // What the guest does not let go of only a restart mends: once it is asked for, what it waits for is told.
    const metadata = { annotations: { 'purlin.dev/restart': 'now' } };
    const asked = { ...without, machine: machine('web', { metadata }) };
    expect(plan(asked)).toMatch(/^wait \(UserDataMissing\)/);
    const unsafe = given({ rules: 'absent' }, { unplugged: true });
    expect(plan({ ...asked, hosts: unsafe.hosts })).toMatch(/^machine\.connect/);
  });

  const left = tapName('uid-of-web', 'old0');
  const spare = { ...joined, tap: left, interfaceName: 'old0' };
  const withSpare = (changes: Parameters<typeof withDomain>[1], spec: Partial<Machine['spec']> = {}) => {
    const of = { ...connected.machine, spec: { ...connected.machine.spec, ...spec } };
    return withDomain({ ...connected, machine: of }, changes, { ports: { [tap]: joined, [left]: spare } });
  };

  test('a tap that no interface asks for goes, also of a guest that is shut off for good', () => {
    const expected = 'machine.connect on h1 (Disconnecting): interface old0 is not in the spec any more';
    expect(plan(withSpare({}))).toBe(expected);
    expect(plan(withSpare(off, { runStrategy: 'Halted' }))).toBe(expected);
  });

  const unfinished =
    'machine.reconfigure on h1 (Reconfiguring): the running guest does not have spec.interfaces as it should';

  test('a tap that the running guest still holds is taken from the guest first', () => {
    const { live } = domainOf(machineInput(connected));
    const interfaces = [tap, left].map((each) => ({ tap: each, macAddress: held.spec.macAddress }));
    expect(plan(withSpare({ ...(live && { live: { ...live, interfaces } }) }))).toBe(unfinished);
  });

  test('an interface that the running guest does not have is no broken port: the change was cut short', () => {
    const { live } = domainOf(machineInput(connected));
    expect(plan(withDomain(connected, { ...(live && { live: { ...live, interfaces: [] } }) }))).toBe(
      unfinished,
    );
  });

  test('a card that was made for another MTU waits for a restart, and only that', () => {
    const taps = [{ tap, macAddress: held.spec.macAddress, mtu: 9000 }];
    const made = (updatePolicy: 'OnRestart' | 'Restart') => {
      const input = given({});
      const [on] = input.hosts;
      const domain = on?.snapshot !== 'unknown' && on?.snapshot.domains['uid-of-web'];
      if (!domain || !domain.live) throw new Error('the guest runs');
      domain.live.interfaces = taps;
      return { ...input, machine: { ...input.machine, spec: { ...input.machine.spec, updatePolicy } } };
    };
    expect(plan(made('OnRestart'))).toBe('settled');
    expect(plan(made('Restart'))).toContain('updatePolicy is Restart and spec.interfaces changed');
  });

  test('so is a CPU, as far as the guest can have it; fewer wait for a restart', () => {
    const running = (cpus: number, maxCpus: number) => {
      const { live } = domainOf(machineInput({ machine: spec({ cpus: 3 }) }));
      return plan(
        withDomain({ machine: spec({ cpus: 3 }) }, { ...(live && { live: { ...live, cpus, maxCpus } }) }),
      );
    };
    expect(running(2, 4)).toContain('does not have spec.cpus as it should');
    expect([running(2, 2), running(4, 4)]).toEqual(['settled', 'settled']);
  });
});
