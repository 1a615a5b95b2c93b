import { describe, expect, test } from '@jest/globals';
import type { MachineInput } from '../../../src/kinds/machine/input.ts';
import { planMachine } from '../../../src/kinds/machine/plan.ts';
import type { Machine } from '../../../src/resources/kinds.ts';
import { deleted, domainOf, host, machine, placement, sentence, silentHost } from './builders.ts';
import { machineInput, withDomain, withTemplate } from './machine-builders.ts';

const plan = (input: MachineInput): string => sentence(planMachine(input));
const spec = (changes: Partial<Machine['spec']>): Machine => machine('web', { spec: changes });
const wasRunning = machine('web', { status: { phase: 'Running' } });
const foundStopped = {
  type: 'Ready',
  status: 'False',
  reason: 'GuestStopped',
  message: 'the guest was found shut off',
  lastTransitionTime: '2026-01-01T00:00:00Z',
} as const;
const off = { power: 'shutoff', stopCause: 'unknown' } as const;

describe('the definition', () => {
  test.each<[string, MachineInput, string]>([
    [
      'the domain is not there',
      machineInput(),
      'machine.define on h1 (Defining): host h1 does not have the domain',
    ],
    [
      'the domain is not there, though the guest ran: drift',
      machineInput({ machine: wasRunning }),
      'machine.define on h1 (DomainMissing, drift): the domain is not defined on host h1 any more',
    ],
    [
      'somebody undefined it while it ran: drift',
      withDomain({}, { persistent: false }),
      'machine.define on h1 (DomainMissing, drift): the domain is not defined on host h1 any more',
    ],
    [
      'shut off and defined otherwise: defined anew',
      withDomain({}, { ...off, definitionHash: 'older' }),
      'machine.define on h1 (Reconfiguring): the domain is not defined as the spec says',
    ],
    [
      'running and defined otherwise: changed live as far as possible',
      withDomain({}, { definitionHash: 'older' }),
      'machine.reconfigure on h1 (Reconfiguring): the domain is not defined as the spec says',
    ],
    [
      'user data that cannot be read keeps a first definition waiting',
      machineInput({ userData: { problem: 'Secret boot does not exist' } }),
      'wait (UserDataMissing): Secret boot does not exist',
    ],
    [
      'user data lost later does not touch a guest that runs',
      { ...withDomain(), userData: { problem: 'Secret boot does not exist' } },
      'wait (UserDataMissing): Secret boot does not exist; until then the guest stays as it was defined',
    ],
  ])('%s', (_name, input, expected) => {
    expect(plan(input)).toBe(expected);
  });
});

describe('the power state', () => {
  test.each<[string, MachineInput, string]>([
    ['Always, running', withDomain(), 'settled'],
    ['Always, off', withDomain({}, off), 'machine.start on h1 (Starting): runStrategy is Always'],
    [
      'Always, found off after it ran: drift, with the cause',
      withDomain({ machine: wasRunning }, { power: 'shutoff', stopCause: 'crashed' }),
      'machine.start on h1 (GuestStopped, drift): the guest was found shut off (crashed); runStrategy is Always',
    ],
    [
      'Always, found off at the look before, which reported it',
      withDomain(
        { machine: machine('web', { status: { phase: 'Starting', conditions: [foundStopped] } }) },
        { power: 'shutoff', stopCause: 'crashed' },
      ),
      'machine.start on h1 (GuestStopped, drift): the guest was found shut off (crashed); runStrategy is Always',
    ],
    [
      'Always, shut off by its own user',
      withDomain({ machine: wasRunning }, { power: 'shutoff', stopCause: 'guest' }),
      'machine.start on h1 (GuestStopped, drift): the guest was found shut off (guest); runStrategy is Always',
    ],
    [
      'Always, off for a reason that the host does not know',
      withDomain({ machine: wasRunning }, { power: 'shutoff' }),
      'machine.start on h1 (GuestStopped, drift): the guest was found shut off (unknown); runStrategy is Always',
    ],
    [
      'RerunOnFailure, crashed',
      withDomain(
        { machine: spec({ runStrategy: 'RerunOnFailure' }) },
        { power: 'shutoff', stopCause: 'crashed' },
      ),
      'machine.start on h1 (Starting): runStrategy is RerunOnFailure',
    ],
    [
      'RerunOnFailure, shut off by its own user',
      withDomain(
        { machine: spec({ runStrategy: 'RerunOnFailure' }) },
        { power: 'shutoff', stopCause: 'guest' },
      ),
      'settled',
    ],
    [
      'Always again, while the guest ignores the request that Halted had made',
      withDomain({}, { shutdown: { graceMs: 30_000, overdue: false } }),
      'machine.withdrawShutdown on h1 (ShutdownWithdrawn): the guest shall run on; runStrategy is Always',
    ],
    ['Manual, off', withDomain({ machine: spec({ runStrategy: 'Manual' }) }, off), 'settled'],
    ['Manual, running', withDomain({ machine: spec({ runStrategy: 'Manual' }) }), 'settled'],
    ['Halted, off', withDomain({ machine: spec({ runStrategy: 'Halted' }) }, off), 'settled'],
    [
      'Halted, running: asked first',
      withDomain({ machine: spec({ runStrategy: 'Halted' }) }),
      'machine.requestShutdown on h1 (ShuttingDown): runStrategy is Halted',
    ],
    [
      'Halted, asked, within the grace period',
      withDomain(
        { machine: spec({ runStrategy: 'Halted' }) },
        { shutdown: { graceMs: 30_000, overdue: false } },
      ),
      'wait (ShuttingDown): the guest is shutting down: runStrategy is Halted',
    ],
    [
      'Halted, asked, the grace period is over',
      withDomain(
        { machine: spec({ runStrategy: 'Halted' }) },
        { shutdown: { graceMs: 30_000, overdue: true } },
      ),
      'machine.powerOff on h1 (PoweringOff): the guest did not shut down in time; runStrategy is Halted',
    ],
    [
      'Halted without a grace period',
      withDomain({ machine: spec({ runStrategy: 'Halted', terminationGracePeriodSeconds: 0 }) }),
      'machine.powerOff on h1 (PoweringOff): runStrategy is Halted',
    ],
    [
      'Halted and paused: it cannot hear a request',
      withDomain({ machine: spec({ runStrategy: 'Halted' }) }, { power: 'paused' }),
      'machine.powerOff on h1 (PoweringOff): a paused guest cannot shut itself down; runStrategy is Halted',
    ],
    [
      'Always and paused by hand: resumed',
      withDomain({}, { power: 'paused' }),
      'machine.start on h1 (GuestPaused, drift): the guest was found paused; runStrategy is Always',
    ],
    [
      'Manual and paused by hand: left alone',
      withDomain({ machine: spec({ runStrategy: 'Manual' }) }, { power: 'paused' }),
      'settled',
    ],
  ])('%s', (_name, input, expected) => {
    expect(plan(input)).toBe(expected);
  });

  test('Halted stops a guest also while something that a start would need is missing', () => {
    const halted = spec({ runStrategy: 'Halted' });
    const input = withDomain({ machine: halted });
    expect(plan({ ...input, ...withTemplate(halted) })).toBe(
      'machine.requestShutdown on h1 (ShuttingDown): runStrategy is Halted',
    );
  });

  test('a grace period that was changed since is told to the host', () => {
    const input = withDomain(
      { machine: spec({ runStrategy: 'Halted', terminationGracePeriodSeconds: 5 }) },
      { shutdown: { graceMs: 30_000, overdue: false } },
    );
    expect(planMachine(input)).toMatchObject({
      step: { action: { name: 'machine.requestShutdown', arguments: { graceMs: 5_000 } } },
    });
  });
});

describe('restarts', () => {
  const annotated = (value: string, more: Partial<Machine['spec']> = {}): Machine =>
    machine('web', { metadata: { annotations: { 'purlin.dev/restart': value } }, spec: more });

  test.each<[string, MachineInput, string]>([
    [
      'a new value of the annotation',
      withDomain({ machine: annotated('b') }, { restartToken: 'a' }),
      'machine.requestShutdown on h1 (ShuttingDown): annotation purlin.dev/restart is "b"',
    ],
    [
      'the first value',
      withDomain({ machine: annotated('a') }, { restartToken: '' }),
      'machine.requestShutdown on h1 (ShuttingDown): annotation purlin.dev/restart is "a"',
    ],
    ['a value that the present run satisfies', withDomain({ machine: annotated('a') }), 'settled'],
    ['the annotation was removed', withDomain({}, { restartToken: 'a' }), 'settled'],
    [
      'a new value, while the user data that the next run needs is missing',
      withDomain(
        { machine: annotated('b'), userData: { problem: 'Secret boot does not exist' } },
        { restartToken: 'a' },
      ),
      'wait (UserDataMissing): Secret boot does not exist; until then the guest is not restarted',
    ],
    [
      'a host that does not say what the run satisfies',
      withDomain({ machine: annotated('a') }, { restartToken: undefined }),
      'settled',
    ],
    [
      'asked to shut down for a restart, and off: started, though the guest stopped itself',
      withDomain(
        {
          machine: {
            ...annotated('b', { runStrategy: 'RerunOnFailure' }),
            status: { phase: 'Stopping' },
          },
        },
        { power: 'shutoff', stopCause: 'guest' },
      ),
      'machine.start on h1 (Starting): runStrategy is RerunOnFailure',
    ],
    [
      'OnRestart: a change that needs a restart waits',
      withDomain({}, { live: { cpus: 2, maxCpus: 4, memoryBytes: 1, disks: [], interfaces: [] } }),
      'settled',
    ],
    [
      'Restart: the same change restarts',
      withDomain(
        { machine: spec({ updatePolicy: 'Restart' }) },
        { live: { cpus: 2, maxCpus: 4, memoryBytes: 1, disks: [], interfaces: [] } },
      ),
      'machine.requestShutdown on h1 (ShuttingDown): updatePolicy is Restart and spec.cpus, spec.memory changed',
    ],
    [
      'Restart: a guest is not restarted for how libvirt rounds its memory',
      withDomain(
        { machine: spec({ updatePolicy: 'Restart' }) },
        { live: { cpus: 1, maxCpus: 4, memoryBytes: 256 * 2 ** 20 + 65_536, disks: [], interfaces: [] } },
      ),
      'settled',
    ],
    [
      'Restart: a CPU that was added since the start, and is not wanted any more, restarts',
      withDomain(
        { machine: spec({ updatePolicy: 'Restart' }) },
        { live: { cpus: 2, maxCpus: 4, memoryBytes: 256 * 2 ** 20, disks: [], interfaces: [] } },
      ),
      'machine.requestShutdown on h1 (ShuttingDown): updatePolicy is Restart and spec.cpus changed',
    ],
  ])('%s', (_name, input, expected) => {
    expect(plan(input)).toBe(expected);
  });
});

describe('removal', () => {
  const going = (changes: Partial<Machine['spec']> = {}): Machine =>
    machine('web', { metadata: deleted, spec: changes });

  test.each<[string, MachineInput, string]>([
    [
      'a running guest is asked to shut down',
      withDomain({ machine: going() }),
      'machine.requestShutdown on h1 (ShuttingDown): the Machine is being deleted',
    ],
    [
      'it does not: powered off',
      withDomain({ machine: going() }, { shutdown: { graceMs: 30_000, overdue: true } }),
      'machine.powerOff on h1 (PoweringOff): the guest did not shut down in time; the Machine is being deleted',
    ],
    [
      'shut off: removed',
      withDomain({ machine: going() }, off),
      'machine.delete on h1 (Removing): the Machine is being deleted and its guest is shut off',
    ],
    [
      'no domain is seen: removed all the same, for the record',
      machineInput({ machine: going() }),
      'machine.delete on h1 (Removing): the Machine is being deleted and its guest is shut off',
    ],
    [
      'recorded as removed: the finalizer goes',
      machineInput({ machine: going(), hosts: [host({ removed: { 'uid-of-web': 1 } })] }),
      'api.releaseFinalizer (Released): nothing of the Machine is left on any host',
    ],
    [
      'never bound: the finalizer goes',
      machineInput({ machine: going(), placement: undefined }),
      'api.releaseFinalizer (Released): nothing of the Machine is left on any host',
    ],
    [
      'bound to a silent host: it waits',
      machineInput({ machine: going(), hosts: [silentHost()] }),
      'wait (HostUnknown): a complete snapshot of host h1',
    ],
    [
      'bound to a host that is gone: nothing is left there',
      machineInput({ machine: going(), hosts: [] }),
      'api.releaseFinalizer (Released): nothing of the Machine is left on any host',
    ],
  ])('%s', (_name, input, expected) => {
    expect(plan(input)).toBe(expected);
  });

  test('a domain on another host than the bound one goes too', () => {
    const input = machineInput({ machine: going(), placement: placement(going(), 'h1') });
    const stray = domainOf(input, off);
    const hosts = [
      host({ removed: { 'uid-of-web': 1 } }),
      host({ hostName: 'h2', domains: { 'uid-of-web': stray } }),
    ];
    expect(plan({ ...input, hosts })).toContain('machine.delete on h2');
  });
});
