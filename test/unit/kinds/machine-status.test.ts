import { describe, expect, test } from '@jest/globals';
import type { MachineInput } from '../../../src/kinds/machine/input.ts';
import { planMachine } from '../../../src/kinds/machine/plan.ts';
import { machineStatus } from '../../../src/kinds/machine/status.ts';
import type { Failure } from '../../../src/plan/kind.ts';
import type { DomainInterface, PortSnapshot } from '../../../src/plan/snapshot.ts';
import { tapName } from '../../../src/values/links.ts';
import { deleted, domainOf, machine } from './builders.ts';
import { candidate, heldBy, machineInput, withDisk, withDomain, withInterface } from './machine-builders.ts';

const statusOf = (input: MachineInput, failure?: Failure) =>
  machineStatus(input, planMachine(input), failure);
const condition = (input: MachineInput, type: string, failure?: Failure) =>
  statusOf(input, failure).conditions.find((each) => each.type === type);

/** A running guest with one card, on one port. */
const withCard = (card: Partial<DomainInterface>, port: Partial<PortSnapshot> = {}): MachineInput => {
  const web = machine();
  const held = heldBy(web);
  const { macAddress, address } = held.spec;
  const input = withInterface(web, { held });
  const tap = tapName('uid-of-web', 'eth0');
  const { live } = domainOf(machineInput(input));
  const interfaces = [{ tap, macAddress, ...card }];
  const owner = { machineUid: 'uid-of-web', interfaceName: 'eth0', subnetUid: 'uid-of-frontend' };
  const state = { state: 'up', carrier: 'absent', attached: true, rules: 'present' } as const;
  return withDomain(
    input,
    { ...(live && { live: { ...live, interfaces } }) },
    { ports: { [tap]: { tap, ...owner, ...state, macAddress, address, ...port } } },
  );
};

const off = { power: 'shutoff', stopCause: 'guest' } as const;
const web = machine();
const halted = machine('web', { spec: { runStrategy: 'Halted' } });

describe('phase', () => {
  test.each<[string, MachineInput, string]>([
    ['unbound', machineInput({ placement: undefined, candidates: [candidate()] }), 'Pending'],
    ['bound, being defined', machineInput(), 'Provisioning'],
    [
      'bound, waiting for an address',
      machineInput(withInterface(web, { subnet: 'missing' })),
      'Provisioning',
    ],
    [
      'its domain vanished: repaired, not provisioned anew, so that the next look knows that it is drift',
      machineInput({ machine: machine('web', { status: { phase: 'Running' } }) }),
      'Starting',
    ],
    ['off, to be started', withDomain({}, off), 'Starting'],
    ['off, as it should be', withDomain({ machine: halted }, off), 'Stopped'],
    ['running', withDomain(), 'Running'],
    ['paused', withDomain({}, { power: 'paused' }), 'Running'],
    [
      'asked to shut down',
      withDomain({ machine: halted }, { shutdown: { graceMs: 30_000, overdue: false } }),
      'Stopping',
    ],
    [
      'asked to shut down, before the wish was taken back',
      withDomain({}, { shutdown: { graceMs: 30_000, overdue: false } }),
      'Running',
    ],
    ['deleted', withDomain({ machine: machine('web', { metadata: deleted }) }), 'Terminating'],
  ])('%s', (_name, input, phase) => {
    expect(statusOf(input).fields['phase']).toBe(phase);
  });

  test('a failure that only a change can help is Failed; one that may pass is not', () => {
    const failure = { reason: 'InvalidDefinition', message: 'no such firmware', retryable: false };
    expect(statusOf(machineInput(), failure).fields['phase']).toBe('Failed');
    expect(statusOf(machineInput(), { ...failure, retryable: true }).fields['phase']).toBe('Provisioning');
  });
});

describe('Ready', () => {
  test.each<[string, MachineInput, object]>([
    ['running', withDomain(), { status: 'True', reason: 'Ready' }],
    [
      'running, but not holding its tap',
      withCard({ unplugged: true }),
      { status: 'False', reason: 'PortBroken' },
    ],
    [
      'running, with a link that was set down',
      withCard({ link: 'down' }),
      { status: 'False', reason: 'LinkDown' },
    ],
    ['running, and connected', withCard({}), { status: 'True', reason: 'Ready' }],
    [
      'running, with a tap that is on no bridge',
      withCard({}, { attached: false }),
      { status: 'False', reason: 'PortBroken' },
    ],
    [
      'running, with a tap that was set down',
      withCard({}, { state: 'down' }),
      { status: 'False', reason: 'PortBroken' },
    ],
    [
      'running, with a tap whose rules were flushed',
      withCard({}, { rules: 'absent' }),
      { status: 'False', reason: 'PortBroken' },
    ],
    [
      'stopped as it should be',
      withDomain({ machine: halted }, off),
      { status: 'False', reason: 'Stopped', message: 'the guest is shut off; runStrategy is Halted' },
    ],
    [
      'running while a definition is refreshed',
      withDomain({}, { definitionHash: 'older' }),
      { status: 'True' },
    ],
    [
      'asked to shut down',
      withDomain({ machine: halted }, { shutdown: { graceMs: 30_000, overdue: false } }),
      { status: 'False', reason: 'ShuttingDown' },
    ],
    [
      'asked to shut down, before the wish was taken back',
      withDomain({}, { shutdown: { graceMs: 30_000, overdue: false } }),
      { status: 'True' },
    ],
    [
      'running and being deleted',
      withDomain({ machine: machine('web', { metadata: deleted }) }),
      { status: 'False' },
    ],
    ['being defined', machineInput(), { status: 'False', reason: 'Defining' }],
  ])('%s', (_name, input, expected) => {
    expect(condition(input, 'Ready')).toMatchObject(expected);
  });

  test('a failed step is named in its own words', () => {
    const failure = { reason: 'OutOfMemory', message: 'cannot allocate', retryable: true };
    expect(condition(machineInput(), 'Ready', failure)).toMatchObject({
      status: 'False',
      reason: 'OutOfMemory',
      message: 'cannot allocate',
    });
  });
});

describe('the other conditions', () => {
  test('Scheduled', () => {
    expect(condition(machineInput(), 'Scheduled')).toMatchObject({
      status: 'True',
      message: 'bound to host h1',
    });
    expect(condition(machineInput({ placement: undefined, hosts: [] }), 'Scheduled')).toMatchObject({
      status: 'False',
      reason: 'Unschedulable',
    });
    expect(
      condition(machineInput({ placement: undefined, candidates: [candidate()] }), 'Scheduled'),
    ).toMatchObject({ status: 'False', reason: 'Pending' });
  });

  test('DisksReady names what is missing', () => {
    expect(condition(machineInput(withDisk(web)), 'DisksReady')).toMatchObject({ status: 'True' });
    const missing = machineInput({
      disks: [{ entry: { name: 'root' }, diskName: 'data', disk: undefined }],
    });
    expect(condition(missing, 'DisksReady')).toMatchObject({
      status: 'False',
      message: 'not ready: Disk data',
    });
  });

  test('NetworkReady names what is missing; addresses held are listed', () => {
    expect(condition(machineInput(withInterface(web)), 'NetworkReady')).toMatchObject({
      status: 'False',
      message: 'not ready: interface eth0',
    });
    const whole = machineInput(withInterface(web, { held: heldBy(web) }));
    expect(condition(whole, 'NetworkReady')).toMatchObject({ status: 'True' });
    expect(statusOf(whole).fields['addresses']).toEqual([
      { interface: 'eth0', address: '10.20.0.10', macAddress: '02:00:00:00:00:01' },
    ]);
  });

  test('RestartRequired names the fields and the two remedies', () => {
    const live = { cpus: 9, maxCpus: 9, memoryBytes: 256 * 2 ** 20, disks: [], interfaces: [] };
    const input = withDomain({}, { live });
    expect(condition(input, 'RestartRequired')).toMatchObject({
      status: 'True',
      message:
        'spec.cpus take effect at the next start; set the annotation purlin.dev/restart to a new value, or spec.updatePolicy to Restart',
    });
    expect(statusOf(input).fields['restartRequired']).toEqual(['spec.cpus']);
  });

  test('RestartRequired is not guessed before the definition is applied, nor for a guest that is off', () => {
    const live = { cpus: 9, maxCpus: 9, memoryBytes: 1, disks: [], interfaces: [] };
    expect(condition(withDomain({}, { definitionHash: 'older', live }), 'RestartRequired')).toBeUndefined();
    expect(condition(withDomain({}, off), 'RestartRequired')).toBeUndefined();
    expect(condition(withDomain(), 'RestartRequired')).toBeUndefined();
  });
});

describe('hostName', () => {
  const onH2 = { ...web, status: { hostName: 'h2' } };
  test.each<[string, MachineInput, string | undefined]>([
    ['as the Placement says', machineInput(), 'h1'],
    [
      'of the host that has the domain, also when no Placement can be made',
      withDomain({ placement: undefined }),
      'h1',
    ],
    ['as before, where nobody knows better', machineInput({ machine: onH2, placement: undefined }), 'h2'],
    ['none before there is a Placement', machineInput({ placement: undefined }), undefined],
  ])('%s', (_, input, hostName) => {
    const refused = { reason: 'ApiWriteFailed', message: 'quota exceeded', retryable: true };
    expect(statusOf(input, refused).fields['hostName']).toBe(hostName);
  });
});
