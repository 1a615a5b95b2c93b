/** The way of an address from an interface that left the spec, also to another interface of the same Machine. */
import { expect, test } from '@jest/globals';
import type { MachineInput } from '../../../src/kinds/machine/input.ts';
import { planMachine } from '../../../src/kinds/machine/plan.ts';
import { tapName } from '../../../src/values/links.ts';
import { deleted, disk, machine, sentence, port } from './builders.ts';
import { heldBy, machineInput, withDomain, withInterface } from './machine-builders.ts';

const plan = (input: MachineInput): string => sentence(planMachine(input));
const web = machine();
/** Of an interface that was eth0 before. */
const left = heldBy(web);
const leaving = { ...left, metadata: { ...left.metadata, ...deleted } };
const done = { orderId: '', action: '', generation: 1, epoch: 1, outcome: 'done', atSequence: 1 } as const;
const results = { 'uid-of-web': done };

const tap = tapName('uid-of-web', 'eth0');
test('it is given back once no tap has it, and only once', () => {
  expect(plan(withDomain({ abandoned: [left] }, {}, { results, ports: { [tap]: port() } }))).toBe(
    'machine.connect on h1 (Disconnecting): interface eth0 is not in the spec any more',
  );
  expect(plan(withDomain({ abandoned: [left] }, {}, { results }))).toBe(
    'api.deleteChild (ReleasingAddress): no interface eth0 is in the spec any more',
  );
  expect(plan(withDomain({ abandoned: [leaving] }, {}, { results }))).toBe('settled');
});

test('a disk that is claimed and not named any more: an order of this generation is carried out first', () => {
  const detached = machine('web', { metadata: { generation: 2 } });
  const input = { machine: detached, leaving: [disk('data')] };
  expect(plan(withDomain(input, {}, { results }))).toBe(
    'machine.connect on h1 (Disconnecting): Disk data is not in the spec any more',
  );
  expect(plan(withDomain(input, {}, { results: { 'uid-of-web': { ...done, generation: 2 } } }))).toBe(
    'settled',
  );
});

test('it goes to an interface of another name that asks for it', () => {
  const { machine: of, interfaces } = withInterface(web, { address: left.spec.address, taken: [left] });
  const renamed = (abandoned: typeof left): Partial<MachineInput> => ({
    machine: { ...of, spec: { ...of.spec, interfaces: [{ name: 'eth9', subnetRef: { name: 'frontend' } }] } },
    interfaces: interfaces.map((each) => ({ ...each, entry: { ...each.entry, name: 'eth9' } })),
    abandoned: [abandoned],
  });
  expect(plan(machineInput(renamed(left)))).toContain('machine.define');
  expect(plan(withDomain(renamed(left), {}, { results }))).toContain('api.deleteChild (ReleasingAddress)');
  const waits =
    'wait (AddressInUse): address 10.20.0.10 of interface eth9 is being taken from an interface that left spec.interfaces';
  expect(plan(withDomain(renamed(leaving), {}, { results }))).toBe(waits);
  expect(plan(withDomain(renamed(leaving), { power: 'shutoff' }, { results }))).toBe(waits);
});
