/** How an interface gets its address and MAC, over random networks and neighbours. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { planMachine } from '../../../src/kinds/machine/plan.ts';
import type { IPAddress } from '../../../src/resources/kinds.ts';
import { contains, formatAddress, parseAddress, parseCidr } from '../../../src/values/ipv4.ts';
import { macAddress } from '../../../src/values/mac.ts';
import { ipAddress, machine, readyStatus, sentence, subnet } from './builders.ts';
import { machineInput, withInterface } from './machine-builders.ts';

const web = machine();
const other = machine('other');

interface Network {
  cidr: string;
  base: number;
  size: number;
  gateway: string;
}

/** Small ones, so that they are often full; the gateway is any address that a host could have. */
const network: fc.Arbitrary<Network> = fc
  .record({
    bits: fc.nat(2 ** 32 - 1),
    prefix: fc.integer({ min: 26, max: 30 }),
    gatewayAt: fc.nat(),
  })
  .map(({ bits, prefix, gatewayAt }) => {
    const size = 2 ** (32 - prefix);
    const base = bits - (bits % size);
    const gateway = formatAddress(base + 1 + (gatewayAt % (size - 2)));
    return { cidr: `${formatAddress(base)}/${prefix}`, base, size, gateway };
  });

/** The addresses that interfaces of the network may hold, by the plain words of the rule. */
const usable = ({ base, size, gateway }: Network): string[] =>
  Array.from({ length: size }, (_, offset) => formatAddress(base + offset))
    .slice(1, -1)
    .filter((address) => address !== gateway);

/** Some or all usable addresses of a network, in any order, each held by another Machine. */
const crowded = network.chain((on) =>
  fc
    .oneof(
      fc.shuffledSubarray(usable(on)),
      fc.constant(usable(on)),
      fc.shuffledSubarray(usable(on), { minLength: usable(on).length - 1 }),
    )
    .map((held) => ({ on, held })),
);

const subnetOf = ({ cidr, gateway }: Network) =>
  subnet('frontend', { spec: { cidr }, status: { gateway, ...readyStatus(true) } });

function taking(on: Network, held: readonly string[], macs: readonly string[] = []): IPAddress[] {
  const neighbour = { machine: other, subnet: subnetOf(on) };
  return held.map((address, index) => {
    const taken = ipAddress(address, neighbour);
    const macAddress = macs[index] ?? taken.spec.macAddress;
    return { ...taken, spec: { ...taken.spec, macAddress } };
  });
}

/** What the IPAddress that is made next says, or the sentence of another outcome. */
function allocate(on: Network, taken: IPAddress[], address?: string) {
  const outcome = planMachine(
    machineInput(
      withInterface(web, { subnet: subnetOf(on), taken, ...(address !== undefined && { address }) }),
    ),
  );
  if (outcome.type !== 'act' || outcome.step.on !== 'api' || outcome.step.action.name !== 'api.createChild')
    return sentence(outcome);
  const { spec } = outcome.step.action.child;
  return { address: String(spec['address']), macAddress: String(spec['macAddress']) };
}

describe('an address of any kind', () => {
  test('is free and inside the network, and there is one as long as one is free', () => {
    fc.assert(
      fc.property(crowded, ({ on, held }) => {
        const free = usable(on).filter((address) => !held.includes(address));
        const given = allocate(on, taking(on, held));
        if (free.length === 0) expect(given).toMatch(/^wait \(SubnetFull\)/);
        // The lowest: so a plan that is made again is the same plan.
        else expect(given).toMatchObject({ address: free[0] });
      }),
      { numRuns: 150 },
    );
  });

  test('given one after another, all of a network are given once', () => {
    fc.assert(
      fc.property(network, (on) => {
        const held: string[] = [];
        for (;;) {
          const given = allocate(on, taking(on, held));
          if (typeof given === 'string') break;
          const address = parseAddress(given.address) ?? -1;
          expect(contains(parseCidr(on.cidr) ?? { base: 0, prefix: 32, size: 0 }, address)).toBe(true);
          held.push(given.address);
        }
        expect(held).toEqual(usable(on));
      }),
      { numRuns: 15 },
    );
  });
});

test('an address that was asked for is given exactly if it is usable and free', () => {
  const asked = crowded.chain(({ on, held }) =>
    fc.record({
      on: fc.constant(on),
      held: fc.constant(held),
      address: fc.oneof(
        fc.integer({ min: on.base - 1, max: on.base + on.size }).map((at) => formatAddress(Math.max(0, at))),
        fc.constantFrom(on.gateway, `${on.gateway}\n`, `0${on.gateway}`, `${on.cidr}`, 'web', '::1'),
      ),
    }),
  );
  fc.assert(
    fc.property(asked, ({ on, held, address }) => {
      const given = allocate(on, taking(on, held), address);
      if (!usable(on).includes(address))
        expect(given).toMatch(/^blocked \(Address(OutsideSubnet|Reserved)\)/);
      else if (held.includes(address)) expect(given).toMatch(/^wait \(AddressInUse\)/);
      else expect(given).toMatchObject({ address });
    }),
    { numRuns: 200 },
  );
});

describe('what a guest without a Machine uses on a host, after the store was restored from a backup', () => {
  const on = { cidr: '10.20.0.0/24', base: parseAddress('10.20.0.0') ?? 0, size: 256, gateway: '10.20.0.1' };
  const mac = macAddress(web.metadata.uid, 'eth0', 0);
  const ports = [{ hostName: 'h7', address: '10.20.0.2', macAddress: mac }, { hostName: 'h7' }];
  const planned = (address?: string) =>
    planMachine(
      machineInput(
        withInterface(web, { subnet: subnetOf(on), ports, ...(address !== undefined && { address }) }),
      ),
    );

  test('is given to nobody else', () => {
    expect(planned()).toMatchObject({
      step: {
        action: { child: { spec: { address: '10.20.0.3', macAddress: expect.not.stringContaining(mac) } } },
      },
    });
  });

  test('is told of to whoever asks for it', () => {
    expect(sentence(planned('10.20.0.2'))).toBe(
      'wait (AddressInUse): address 10.20.0.2 of interface eth0 is used on host h7 by a guest that has no IPAddress for it; ' +
        'remove that guest, or replace the interface by one of another name with another address',
    );
  });
});

describe('a MAC address', () => {
  /** The first MACs of the interface, of which some are taken already. */
  const clashes = fc.record({ on: network, attempts: fc.array(fc.boolean(), { maxLength: 4 }) });

  test('is local, unicast, the same at every plan, and no other of the Subnet has it', () => {
    fc.assert(
      fc.property(clashes, ({ on, attempts }) => {
        const macs = attempts.flatMap((clash, attempt) =>
          clash ? [macAddress(web.metadata.uid, 'eth0', attempt)] : [],
        );
        const taken = taking(on, usable(on).slice(1, 1 + macs.length), macs);
        const given = allocate(on, taken);
        // Its holders may take the whole of a small network.
        if (typeof given === 'string') return expect(given).toMatch(/^wait \(SubnetFull\)/);
        const firstOctet = Number.parseInt(given.macAddress.slice(0, 2), 16);
        expect([firstOctet & 1, firstOctet & 2]).toEqual([0, 2]);
        expect(taken.map(({ spec }) => spec.macAddress)).not.toContain(given.macAddress);
        expect(allocate(on, taken.toReversed())).toEqual(given);
        // The first that is free, so that a lost answer is not followed by another address.
        const attempt = Array.from({ length: 5 }, (_, index) =>
          macAddress(web.metadata.uid, 'eth0', index),
        ).findIndex((mac) => !taken.some(({ spec }) => spec.macAddress === mac));
        expect(given.macAddress).toBe(macAddress(web.metadata.uid, 'eth0', attempt));
      }),
      { numRuns: 100 },
    );
  });

  test('differs between Machines, interfaces and attempts', () => {
    const owner = fc.tuple(fc.uuid(), fc.constantFrom('eth0', 'eth1'), fc.nat(3));
    fc.assert(
      fc.property(fc.uniqueArray(owner, { selector: String, maxLength: 20 }), (owners) => {
        expect(new Set(owners.map((each) => macAddress(...each))).size).toBe(owners.length);
      }),
    );
  });
});
